"""What a decision means for an element, once for both encodings.

Nothing here reads or writes bytes or JSON: `part10` and `json_model` do.
"""
