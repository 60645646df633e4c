"""De-identify files: one, or all below a folder, in one process or more.

    tree, names → journal: is it done? → workers ⇄ instance: one file → outcome → report, progress
                                                                     └→ directory: DICOMDIR, at the end

`run.py` joins them. What becomes of an instance is the engine's business, what was typed the command's.

No patient's value is in an outcome, a report or the journal. File names may hold names: `run.py` says which are told.
"""

from __future__ import annotations

from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.outcome import Outcome, Status
from dicomveil_proxy.jobs.run import Event, deidentify_file, deidentify_folder

__all__ = ["Event", "Job", "Outcome", "Status", "deidentify_file", "deidentify_folder"]
