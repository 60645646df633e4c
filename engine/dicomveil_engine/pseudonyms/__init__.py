"""Keyed pseudonyms: the project key, UIDs, patients, and by how much dates move.

Everything here is a pure function of the key and an original; nothing is looked up.
"""
