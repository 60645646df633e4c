"""Bulk work: many units, each a pure function of the job, run by a crew, and recorded when their output is placed.

    anonymize  tree, names → ledger: is it done? → crew ⇄ files: one file → outcome → ledger → manifest, report
    export     cohort → plan → ledger ⇄ coordinator ⇄ crew ⇄ series: one series → destination
                                  └→ manifest, report, page, linkage

    deidentification.py   the one place where an instance's bytes are de-identified
    crews/                workers that run units: processes, Dask
    ledger/               the record of planned and completed units: SQLite, PostgreSQL
    destinations/         folder, zip file, object store, archive

`run.py` combines them for `dicomveil anonymize`, `export.py` for `dicomveil export`. Instances are de-identified in the
engine; command lines are parsed in `command/`.

Outcomes, reports and manifests contain no patient's value. The ledger and the linkage file contain originals: the
ledger is readable by its owner only, the linkage file is encrypted. File names may be patients' names: `run.py` decides
which are reported.
"""

from __future__ import annotations

from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.outcome import Outcome, Status
from dicomveil_proxy.jobs.run import Event, deidentify_file, deidentify_folder, rehearse_folder

__all__ = ["Event", "Job", "Outcome", "Status", "deidentify_file", "deidentify_folder", "rehearse_folder"]
