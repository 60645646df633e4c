"""What a decision means for an element, defined once for both encodings.

Bytes and JSON are read and written by `part10` and `json_model` only.
"""
