"""The leak guard: a check of every response, with code that is independent of de-identification.

    json_values.py    the original values of a data set in DICOM JSON
    guard.py          which original values count, and the search for them
    place.py          whether a value that was found is an original in that place

Findings are handled in `trust/alarm.py` and `trust/quarantine.py`.
"""
