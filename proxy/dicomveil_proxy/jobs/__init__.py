"""Work in bulk: many units, each a pure function of the job, run by a crew, and noted when they are placed.

    folder:  tree, names → journal: is it done? → crew ⇄ files: one file → outcome → report, progress
                                                                          └→ directory: DICOMDIR, at the end
    deidentification.py   the one place where an instance's bytes are de-identified
    crews/                who runs units

`run.py` joins them for `dicomveil anonymize`. What becomes of an instance is the engine's business, what was typed the
command's.

No patient's value is in an outcome, a report or the journal. File names may hold names: `run.py` says which are told.
"""

from __future__ import annotations

from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.outcome import Outcome, Status
from dicomveil_proxy.jobs.run import Event, deidentify_file, deidentify_folder, rehearse_folder

__all__ = ["Event", "Job", "Outcome", "Status", "deidentify_file", "deidentify_folder", "rehearse_folder"]
