"""The translation of pseudonyms to originals: a cache, and look-ups at the origin server.

Pseudonyms are made in the engine.
"""
