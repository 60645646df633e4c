"""The transactions of DICOMweb in pseudonymised space: search, retrieve, store (PS3.18 Sections 9 and 10).

Each translates what is asked inward, asks the origin server, and lets nothing out but what went through the
policy. Nothing here knows HTTP; the routes do.
"""
