"""What is asked: the resource, the representation, the query and when a value matches it.

Everything here is in pseudonymised space and asks nobody.
"""
