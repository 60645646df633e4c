"""Work in bulk: many units, each a pure function of the job, run by a crew, and noted when they are placed.

    anonymize  tree, names → ledger: is it done? → crew ⇄ files: one file → outcome → ledger → manifest, report
    export     cohort → plan → ledger ⇄ coordinator ⇄ crew ⇄ series: one series → destination
                                  └→ manifest, report, page, linkage

    deidentification.py   the one place where an instance's bytes are de-identified
    crews/                what runs units: processes, Dask
    ledger/               what is planned and done: SQLite, PostgreSQL
    destinations/         folder, zip file, object store, archive

`run.py` joins them for `dicomveil anonymize`, `export.py` for `dicomveil export`. What becomes of an instance is the
engine's business, what was typed the command's.

No patient's value is in an outcome, a report or a manifest. The ledger and the linkage file hold originals: the one is
for its owner alone, the other encrypted. File names may hold names: `run.py` says which are reported.
"""

from __future__ import annotations

from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.outcome import Outcome, Status
from dicomveil_proxy.jobs.run import Event, deidentify_file, deidentify_folder, rehearse_folder

__all__ = ["Event", "Job", "Outcome", "Status", "deidentify_file", "deidentify_folder", "rehearse_folder"]
