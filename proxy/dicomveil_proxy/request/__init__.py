"""Parsed requests: resource, representation, query, and matching of values.

Everything here is in pseudonymised space, and does no I/O.
"""
