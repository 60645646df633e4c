"""From a pseudonym to its original: a cache of pairs, and the question to the origin server behind it.

How a pseudonym is made is the engine's business.
"""
