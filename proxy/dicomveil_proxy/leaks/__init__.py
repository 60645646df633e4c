"""The leak guard: a check of every response, with code that is independent of de-identification.

    guard.py    the original values, and the search for them
    place.py    whether a value that was found is an original in that place

Findings are handled in `trust/alarm.py` and `trust/quarantine.py`.
"""
