"""Instances whose pixels may hold text, on their way out: looked at, covered, or refused.

    origin ── passing: sure to pass, de-identified at once
           ── read_ahead: arrivals ── arrival: header → verdict → boxes known: passes | unknown: spooled, and looked at
           ── instances: de-identified, and covered while they pass, or in a process where frames are compressed
           ── released: one of them in a file, of which frames, bulk data and pictures are cut
           ── documents: pages of an encapsulated PDF, likewise
           ── metadata: what is said of them without pixels

Every way out takes the instance from here, so that all show the same pixels.
"""
