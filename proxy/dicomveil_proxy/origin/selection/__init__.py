"""An origin server restricted to the studies that a project's filter selects.

Filters are enforced here and nowhere else.
"""
