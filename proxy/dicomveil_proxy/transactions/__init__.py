"""The transactions of DICOMweb in pseudonymised space: search, retrieve, store (PS3.18 Sections 9 and 10).

Each translates the request to original space, asks the origin server, and returns only what the policy has
de-identified. Nothing here depends on HTTP: that is in `service/`.
"""
