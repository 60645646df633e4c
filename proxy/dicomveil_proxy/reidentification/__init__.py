"""Re-identification of instances derived from de-identified ones: segmentations, reports, structure sets.

    encoded.py     reading the header of an instance in a file, and writing the instance with a new header
    references.py  the pseudonyms in a header, and the study of each
    originals.py   their originals, and the original study, from the origin server
    dates.py       the shift that moves dates back
    restoration.py the header as the origin server stores it (PS3.15 Section E.1.2)

An instance remains in pseudonymised space until `restoration`. A restored header contains the patient's name: it is
never written to disk here, and is sent to the origin server only.
"""
