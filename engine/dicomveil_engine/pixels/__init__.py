"""Pixels: decoded, searched for text, covered, and encoded again.

    header → gate: nothing, masks, look or refuse → renderings → find → judge → boxes → cover → instance

    elements   positions of elements         masks      the device table        regions    of ultrasound
    strokes    the fast test for slices      looker     loads the models once   frames     from Pixel Data
    layout     the values of a frame         codecs     decode and encode       claims     attributes after cleaning
    covered_head   the header of a covered instance

Only this folder imports numpy and the codecs (the extras `codecs` and `pixels`). `boxes`, `header`, `elements`,
`gate`, `masks`, `regions`, `claims`, `layout` and `codecs` can be imported without them.
"""
