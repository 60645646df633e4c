"""Re-identify what was made of de-identified instances: segmentations, reports, structure sets, presentations.

    encoded.py     the header read, the pixels left where they are; and both written again
    references.py  which pseudonyms the header holds, and in which study
    originals.py   what they stand for, and the original study: asked of the origin server
    dates.py       the days by which dates are moved back
    restoration.py the header as the origin server is to hold it (PS3.15 Section E.1.2)

Whatever the user agent sends stays in pseudonymised space until `restoration`; what comes after it holds a
patient's name, is never written to a disk here, and is sent to the origin server alone.
"""
