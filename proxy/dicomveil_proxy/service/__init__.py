"""HTTP: the application, its routes, and how responses start, stream and end.

Nothing here decides what a response contains.
"""
