"""Keyed pseudonyms of UIDs and patients, and date shifts, derived from the project key.

Everything here is a pure function of the key and an original; nothing is looked up.
"""
