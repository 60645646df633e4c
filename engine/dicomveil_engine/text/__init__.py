"""Free text: what in it identifies somebody, and what is left without that.

    text ── reading ──→ detectors ──→ findings ┐
    text ── spelling ─→ words (the data set's) ┴→ cleaning: resolve ──→ remove | replace ──→ clean text

Pure functions over text; nothing here knows an encoding or an element. `finding` has the infotypes, `detectors` what
is written like what it is, `lists` the word lists of our own.
"""
