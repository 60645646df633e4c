"""Structured content (SR trees, acquisition context, specimen preparation, waveform annotations): PS3.15 E.3.4.

    concepts       the rows of Table E.3.4-1 for a concept name
    content_items  what happens to a content item and the values in it
    references     by-reference relationships after items were removed

Independent of the encoding: Part 10 and DICOM JSON read concept names and value types themselves.
"""
