"""Retrieve (WADO-RS, PS3.18 Section 10.4): de-identified instances, metadata, frames, bulk data and pictures.

    instances.py   as stored, or transcoded
    metadata.py    in DICOM JSON or Native DICOM XML
    frames.py      as stored, or transcoded
    bulk_data.py   values that the policy releases
    pictures.py    rendered instances and frames, and thumbnails

Bodies are generators of pieces. They ask the origin server for nothing before their first piece is requested, and
raise before it if there is no response. After a later error the body is incomplete, which its end shows.
"""
