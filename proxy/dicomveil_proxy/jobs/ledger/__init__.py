"""What a job records: its plan, what of it is done, and what was placed. The only truth; all else can be made anew.

In a SQLite file, for one coordinator, or in PostgreSQL, for several that share a job. It holds originals (UIDs, and
what the linkage file is made of), so that its file is readable for the owner alone and lies outside of the output.
"""

from __future__ import annotations

from dicomveil_proxy.jobs.ledger.ledger import Counts, Leased, Ledger, StudyRow, job_of, jobs_of, open_ledger

__all__ = ["Counts", "Leased", "Ledger", "StudyRow", "job_of", "jobs_of", "open_ledger"]
