"""Pixels: decoded, looked at and encoded again.

The one part of the engine that needs numpy and codecs: the extras `codecs` and `pixels`. They are imported in this
folder only, and `codecs` and `layout` can be asked what is possible without them.
"""
