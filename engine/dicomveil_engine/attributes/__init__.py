"""What the standard says about attributes: tags, keywords, VRs, character sets, legal values.

Nothing here decides what happens to an attribute.
"""
