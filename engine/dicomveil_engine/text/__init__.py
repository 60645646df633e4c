"""Free text: finding what identifies in it, and removing or replacing that.

    text ── reading ──→ detectors ──→ findings ┐
    text ── spelling ─→ words (the data set's) ┴→ cleaning: resolve ──→ remove | replace ──→ clean text

Pure functions of text, independent of elements and encodings. `finding` has the infotypes, `detectors` recognise them
by their form, and `lists` has dicomveil's own word lists.
"""
