"""The files written at the end of a run: descriptions of the output, the linkage file, and the report."""

from __future__ import annotations

import contextlib
import shutil
from functools import partial
from pathlib import Path
from typing import BinaryIO

from dicomveil_engine import ConfigurationError, Policy
from dicomveil_proxy.jobs.collection import write_collection
from dicomveil_proxy.jobs.destinations import Destination, failed
from dicomveil_proxy.jobs.ledger import Ledger
from dicomveil_proxy.jobs.manifest import Put, write_manifest
from dicomveil_proxy.jobs.parquet import write_parquet
from dicomveil_proxy.jobs.station import ExportJob
from dicomveil_proxy.jobs.study_report import write_report
from dicomveil_proxy.jobs.terms import Terms
from dicomveil_proxy.jobs.verification import Holdings
from dicomveil_proxy.wire import unfinished


def describe(ledger: Ledger, job: ExportJob, terms: Terms, destination: Destination) -> None:
    """Write the manifest and the layout's other files. Raises DestinationError."""
    put: Put
    if destination.holds_files:
        put = destination.put
        write_collection(ledger, job.layout, put)
    elif terms.report is not None:
        put = partial(_beside, terms.report)
    else:
        return
    if terms.has_parquet:
        write_parquet(ledger, put)
    write_manifest(ledger, put)


def link(ledger: Ledger, job: ExportJob, terms: Terms, policy: Policy) -> str:
    """Write the linkage file, if requested, and return its signer. Raises OSError."""
    if terms.linkage is None:
        return ""
    from dicomveil_proxy.jobs.linkage import write_linkage  # noqa: PLC0415 - certificates, which few need

    return write_linkage(terms.linkage, ledger, policy, job.job.key, terms.recipients)


def report(ledger: Ledger, job: ExportJob, terms: Terms, policy: Policy) -> None:
    """Write the report, if requested. Raises OSError."""
    path = terms.report
    if path is None:
        return
    is_page = path.suffix.lower() in (".html", ".htm")
    if is_page:
        from dicomveil_proxy.jobs.page import write_page  # noqa: PLC0415 - few need it

        holdings: Holdings | None = None
        with contextlib.suppress(ConfigurationError):
            holdings = job.to.holdings()
        write_page(path, ledger, policy, holdings)
    write_report(path.with_suffix(".csv") if is_page else path, ledger.studies())


def _beside(report: Path, name: str, file: BinaryIO) -> None:
    """Write a description of the output beside the report, if the destination is an archive, which stores no files."""
    try:
        with unfinished.whole(report.with_name(f"{report.stem}.{name}")) as part, part.open("wb") as output:
            shutil.copyfileobj(file, output)
    except OSError as error:
        raise failed(error) from None
