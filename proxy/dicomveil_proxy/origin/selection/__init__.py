"""An origin server that has only the studies that a project's filter selects.

This is the one place where a filter is enforced.
"""
