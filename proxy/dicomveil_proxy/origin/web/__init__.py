"""A DICOMweb origin server. Everything here is in original space."""
