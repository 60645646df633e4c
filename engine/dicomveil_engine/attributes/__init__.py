"""What the standard says about attributes: names, VRs, tags, character sets.

Only tags, VRs and private creators come in here, never a decision about them.
"""
