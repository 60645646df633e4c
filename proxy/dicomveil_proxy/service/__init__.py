"""HTTP: the application, its routes, and how answers begin, stream and end.

Nothing here decides what an answer holds.
"""
