"""The leak guard: a second look at what leaves, by other code than that which de-identifies.

    guard.py    what is searched for, and what is found
    place.py    whether what was found is an original in that place

What follows when something is found is in `trust/alarm.py` and `trust/quarantine.py`.
"""
