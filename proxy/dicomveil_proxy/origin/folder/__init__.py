"""A folder of DICOM files as an origin server. Everything here is in original space."""
