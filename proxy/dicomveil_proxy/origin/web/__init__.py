"""An origin server that speaks DICOMweb. Everything here is in original space."""
