"""Reports for people: what a policy does, what it did to an instance, and what is left.

The exception is `decryption`, which restores encrypted values.
"""
