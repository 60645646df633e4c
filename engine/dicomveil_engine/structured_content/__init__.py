"""Structured content (SR trees, acquisition context, specimen preparation, waveform annotations): PS3.15 E.3.4.

    concepts       which rows of Table E.3.4-1 a concept name means
    content_items  what happens to the item and to the values in it
    references     by-reference relationships when items were removed

No encoding here: Part 10 and DICOM JSON each find concept name and value type in their own way.
"""
