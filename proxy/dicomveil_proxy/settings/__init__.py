"""The settings of the server and its projects: their sources, and messages about mistakes in them.

Only key files, lists and filters are read here, to check them.
"""
