"""Pixels: decoded, searched for text, covered, and encoded again.

    header: what is known → gate: nothing, masks, look or refuse → renderings → find → judge → boxes → cover → instance

    elements   where elements lie            masks      the device table        regions    of ultrasound
    strokes    the fast test for slices      looker     models loaded once      frames     taken out of Pixel Data
    layout     what a frame's values are     codecs     decoded and encoded     claims     what an instance says of it
    covered_head   the header of a covered instance

The one part of the engine that needs numpy and codecs: the extras `codecs` and `pixels`. They are imported in this
folder only. `boxes`, `header`, `elements`, `gate`, `masks`, `regions`, `claims`, `layout` and `codecs` can be imported
without them, and say what is possible.
"""
