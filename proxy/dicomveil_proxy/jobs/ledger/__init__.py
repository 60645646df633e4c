"""What a job records: its plan, what of it is done, and what was placed. The only truth; all else can be made anew.

    database.py      a database, as the ledger needs one; SQLite: a file for one coordinator
    postgresql.py    PostgreSQL, for several coordinators that share a job
    opening.py       which database a job's state is in, and which jobs it holds
    schema.py        tables and statements, the same for both
    rows.py          what is read from it
    ledger.py        one job in it, for `export`: units are series
    files.py         one job in it, for `anonymize`: units are files

An export's ledger holds originals (UIDs, and what the linkage file is made of), so that its file is readable for the
owner alone and lies outside of the output. The ledger of `anonymize` holds keyed digests and pseudonyms, and lies in
the output folder.
"""

from __future__ import annotations

from dicomveil_proxy.jobs.ledger.ledger import Ledger
from dicomveil_proxy.jobs.ledger.opening import job_of, jobs_of, open_ledger
from dicomveil_proxy.jobs.ledger.rows import Counts, Leased, StudyRow

__all__ = ["Counts", "Leased", "Ledger", "StudyRow", "job_of", "jobs_of", "open_ledger"]
