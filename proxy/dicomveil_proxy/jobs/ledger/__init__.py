"""The ledger of a job: its plan, the completed units, and the placed instances. All other files derive from it.

    database.py      the protocol of a ledger's database; SQLite: a file for one coordinator
    postgresql.py    PostgreSQL, for several coordinators that share a job
    opening.py       opening a job's database; the jobs in it
    schema.py        tables and statements, the same for both
    rows.py          types of rows
    ledger.py        one job of `export`, whose units are series
    files.py         one job of `anonymize`, whose units are files

An export's ledger contains originals (UIDs, and the data of the linkage file). Its file is readable by the owner only,
and must be outside of the output. The ledger of `anonymize` contains keyed digests and pseudonyms, and is in the output
folder.
"""

from __future__ import annotations

from dicomveil_proxy.jobs.ledger.ledger import Ledger
from dicomveil_proxy.jobs.ledger.opening import job_of, jobs_of, open_ledger
from dicomveil_proxy.jobs.ledger.rows import Counts, Leased, StudyRow

__all__ = ["Counts", "Leased", "Ledger", "StudyRow", "job_of", "jobs_of", "open_ledger"]
