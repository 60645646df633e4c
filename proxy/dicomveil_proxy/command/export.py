"""`dicomveil export`: de-identifies a cohort of an archive into a destination.

Failures are reported on stderr as they happen, the result on stdout at the end. No original value is printed: studies
are named by their pseudonyms, rows of a list by their numbers.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command.guarding import Alarming, quarantine_of, terms
from dicomveil_proxy.command.profile import key_of, recipients_of, secrets_of
from dicomveil_proxy.command.refusal import refuse, sigterm_as_interrupt
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.jobs.allowance import Allowance
from dicomveil_proxy.jobs.cohort import Cohort, Row, read_list
from dicomveil_proxy.jobs.coordinator import Watcher
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.dispatch import on_dask, processes
from dicomveil_proxy.jobs.export import Export
from dicomveil_proxy.jobs.forecast import Forecast
from dicomveil_proxy.jobs.guarding import GuardMode, JobGuard
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.layout import Layout
from dicomveil_proxy.jobs.own_key import OwnKey
from dicomveil_proxy.jobs.parquet import check_parquet
from dicomveil_proxy.jobs.places import checked_places
from dicomveil_proxy.jobs.progress import Quiet
from dicomveil_proxy.jobs.source import Source
from dicomveil_proxy.jobs.station import ExportJob
from dicomveil_proxy.jobs.summary import Ending, Summary
from dicomveil_proxy.jobs.terms import Terms
from dicomveil_proxy.jobs.watchers import Shown, watcher
from dicomveil_proxy.pixels.records import BOXES_FILE
from dicomveil_proxy.settings.projects import ProjectSettings, projects_of
from dicomveil_proxy.settings.server import Settings, load_settings
from dicomveil_proxy.settings.subjects import read_subjects
from dicomveil_proxy.trust.exports import recorded_export

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.cms import Certificate
    from dicomveil_proxy.jobs.textfile import Textfile

SOMETHING_MISSING = 1
"""Exit status: an instance or study is missing at the destination, or nothing was selected."""
INTERRUPTED = 130
DEFAULT_STATE = "dicomveil-jobs"

_TRACEABLE = (
    "unlinkable: originals that are encrypted into the output can be traced back; leave out --encrypt-originals, and "
    '"encryptOriginals" in the configuration'
)
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(k|M|G|Ki|Mi|Gi)?B?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}
_DATABASE = re.compile("postgres(ql)?(\\+[a-z0-9]+)?://")


@dataclass(frozen=True)
class Wanted:
    """The options of the command line."""

    origin: str | None = field(repr=False)
    key_file: Path | None
    profile: str | None
    config: Path | None
    project: str | None
    list_file: Path | None
    query: str | None = field(repr=False)
    series: str | None = field(repr=False)
    limit_studies: int | None
    to: str | None = field(repr=False)
    state: str | None = field(repr=False)
    report: Path | None
    layout: Layout
    rate: float
    bandwidth: str | None
    connections: int
    jobs: int
    retries: int
    progress: Shown
    linkage: Path | None = None
    recipients: tuple[Path, ...] = ()
    subjects: Path | None = None
    unlinkable: bool = False
    dry_run: bool = False
    scheduler: str | None = None
    manifest: Literal["csv", "parquet"] = "csv"
    encrypt_originals: tuple[Path, ...] = ()
    guard: GuardMode | None = None
    metrics_file: Path | None = None


def run(wanted: Wanted) -> None:
    """Export; exit with 0 if all instances are exported, 1 if some are missing, 2 if nothing was changed."""
    own: OwnKey | None = None
    try:
        own = _own_key(wanted)
        settings, keys, server = _project(wanted, own)
        quarantine = quarantine_of(server)
        guard = terms(wanted.guard or server.guard.mode, quarantine, settings.name)
        export, rows = _export(wanted, settings, keys, guard)
        shown: Quiet | Textfile = (quiet := watcher(wanted.progress, sys.stderr))
        if wanted.metrics_file is not None and not wanted.dry_run:
            from dicomveil_proxy.jobs.textfile import Textfile  # noqa: PLC0415 - few need it

            shown = Textfile(quiet, wanted.metrics_file)
        try:
            with sigterm_as_interrupt():
                if wanted.dry_run:
                    expected = export(shown).rehearse(shown.planning)
                else:
                    with recorded_export(server.audit, settings.name, kind_of(wanted.to)) as record:
                        alarm = partial(record.alarm, mode=guard.mode, quarantine=quarantine)
                        summary = export(Alarming(shown, alarm)).run(rows)
                        record.ended(summary.ending.value, summary.placed, summary.refused)
        finally:
            shown.end()
    except ConfigurationError as error:
        if own is not None:
            own.discard()
        refuse(str(error))
    except ProxyError as error:
        print(f"dicomveil: {'origin' if wanted.dry_run else 'state'}: {error}", file=sys.stderr)
        sys.exit(SOMETHING_MISSING)
    except KeyboardInterrupt:
        print("dicomveil: interrupted; the same command resumes", file=sys.stderr)
        sys.exit(INTERRUPTED)
    if wanted.dry_run:
        _print_forecast(expected)
        return
    is_closed = own is not None and (summary.is_whole or summary.ending is Ending.CANCELLED)
    if own is not None and is_closed:
        _destroy(own)
    _end(summary, is_closed=is_closed)


def _destroy(own: OwnKey) -> None:
    try:
        own.destroy()
    except (OSError, ProxyError):
        print("dicomveil: state: the key of this job cannot be destroyed; remove it yourself", file=sys.stderr)
        sys.exit(SOMETHING_MISSING)
    print(
        "the key of this job is destroyed: its pseudonyms cannot be traced back, and it cannot be resumed",
        file=sys.stderr,
    )


def _print_forecast(expected: Forecast) -> None:
    for line in expected.lines():
        print(line)
    print("this was a dry run: nothing was placed")
    if expected.not_found or not expected.instances:
        sys.exit(SOMETHING_MISSING)


def _end(summary: Summary, *, is_closed: bool) -> None:
    counts = [
        f"{count:,} {status.value}" for status, count in sorted(summary.studies.items(), key=lambda i: i[0].value)
    ]
    if counts or summary.ending is Ending.DONE:
        print(f"studies: {', '.join(counts) or 'none selected'}; instances placed: {summary.placed:,}")
    if summary.refused:
        print(f"dicomveil: {summary.refused:,} instances were refused; the report says why", file=sys.stderr)
    if summary.ending is Ending.PAUSED:
        print(f"dicomveil: paused: {summary.reason}; the same command resumes", file=sys.stderr)
    elif summary.ending is Ending.CANCELLED:
        print(f"dicomveil: cancelled{'' if is_closed else '; the same command resumes'}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    elif not summary.studies:
        print("dicomveil: nothing was selected", file=sys.stderr)
    if not summary.is_whole:
        sys.exit(SOMETHING_MISSING)


def kind_of(destination: str | None) -> str:
    """The kind of the destination, without its name or credentials: folder, s3, ..."""
    scheme, found, _ = (destination or "").partition("://")
    return scheme if found else "folder"


def _own_key(wanted: Wanted) -> OwnKey | None:
    """The job's own key, if it has one. Raises ConfigurationError."""
    if not wanted.unlinkable:
        return None
    if wanted.key_file is not None or wanted.linkage is not None:
        raise ConfigurationError("unlinkable: the job has a key of its own; give neither --key-file nor --linkage")
    if wanted.encrypt_originals:
        raise ConfigurationError(_TRACEABLE)
    if wanted.scheduler is not None:
        raise ConfigurationError("unlinkable: workers elsewhere cannot read the job's own key; leave --scheduler out")
    if not wanted.to:
        raise ConfigurationError("to: it is not set; give --to FOLDER, or another destination")
    if wanted.dry_run:
        raise ConfigurationError("unlinkable: a dry run needs no key of its own; leave it out")
    return OwnKey(state_of(wanted.state), To(wanted.to))


def _project(wanted: Wanted, own: OwnKey | None) -> tuple[ProjectSettings, tuple[bytes, ...], Settings]:
    """The project's settings, its keys, and the settings of all. Raises ConfigurationError."""
    key_file = wanted.key_file if own is None else own.path
    arguments = {
        "origin": wanted.origin,
        "key_file": key_file,
        "profile": wanted.profile,
        "subjects": wanted.subjects,
    }
    settings = load_settings(wanted.config, **arguments)
    name = wanted.project or ""
    for project in projects_of(settings):
        if project.name == name:
            keys = secrets_of(project) if own is None else (key_of(own.path),)
            return project, keys, settings
    raise ConfigurationError("project: the settings have no project of this name")


def _export(
    wanted: Wanted, settings: ProjectSettings, keys: tuple[bytes, ...], guard: JobGuard
) -> tuple[Callable[[Watcher], Export], tuple[Row, ...] | None]:
    if (wanted.list_file is None) == (wanted.query is None):
        raise ConfigurationError("select the studies with --list FILE or --query QUERY")
    if not wanted.to:
        raise ConfigurationError("to: it is not set; give --to FOLDER, or another destination")
    rows = read_list(wanted.list_file) if wanted.list_file is not None else None
    cohort = Cohort(rows=rows, query=wanted.query, series=wanted.series, limit=wanted.limit_studies)
    limits = settings.limits
    source = Source(settings.origin, settings.filter, limits.origin_connect_seconds, limits.origin_read_seconds)
    if source.folder is not None and not source.folder.is_dir():
        raise ConfigurationError("origin: it is neither a folder nor the URL of a DICOMweb server")
    plain = Job(settings.profile, keys[0], older_keys=keys[1:], subjects=read_subjects(settings.subjects), guard=guard)
    policy = plain.policy()
    recipients = recipients_of(policy, wanted.encrypt_originals)
    if recipients and wanted.unlinkable:
        raise ConfigurationError(_TRACEABLE)
    state = state_of(wanted.state)
    boxes = state.absolute() / BOXES_FILE if isinstance(state, Path) else None
    job = ExportJob(replace(plain, recipients=recipients), source, To(wanted.to), wanted.layout, boxes)
    for warning in policy.warnings:
        print(f"warning: profile: {warning}", file=sys.stderr)
    allowance = Allowance(wanted.rate, amount_of(wanted.bandwidth), wanted.connections)
    if (wanted.linkage is None) != (not wanted.recipients):
        raise ConfigurationError(
            "linkage: give --linkage FILE and --recipient CERT.pem together: it is encrypted for them"
        )
    all_terms = Terms(
        state,
        wanted.report,
        allowance,
        wanted.jobs,
        wanted.retries,
        wanted.linkage,
        _certificates(wanted.recipients),
        has_parquet=wanted.manifest == "parquet",
    )
    if all_terms.has_parquet:
        check_parquet()
    checked_places(job, all_terms, *([wanted.linkage] if wanted.linkage else []))
    for name, path in (("report", wanted.report), ("linkage", wanted.linkage)):
        if path is not None and not path.absolute().parent.is_dir():
            raise ConfigurationError(f"{name}: its folder does not exist")
        if path is not None and path.is_dir():
            raise ConfigurationError(f"{name}: it is a folder; give the name of a file")
    make_crew = processes
    if wanted.scheduler is not None:
        key_file = wanted.key_file or settings.key_file
        if key_file is None:
            raise ConfigurationError("scheduler: workers read the key from a file; name one by --key-file or key_file")
        from dicomveil_proxy.jobs.crews.dask import Cluster  # noqa: PLC0415 - few need it

        make_crew = partial(on_dask, Cluster(wanted.scheduler, key_file.absolute()))
    return partial(Export, job, cohort, all_terms, make_crew=make_crew), rows


def _certificates(paths: tuple[Path, ...]) -> tuple[Certificate, ...]:
    """The certificates of the linkage file's recipients. Raises ConfigurationError."""
    if not paths:
        return ()
    from dicomveil_proxy.jobs.cms import read_certificates  # noqa: PLC0415 - few need it

    return read_certificates(paths)


def state_of(text: str | None) -> Path | str:
    """A folder, or the URL of a database."""
    return text if text and _DATABASE.match(text) else Path(text or DEFAULT_STATE)


def amount_of(text: str | None) -> float:
    """The number of bytes in `50MB`, `2MiB` or `1000000`. Raises ConfigurationError."""
    if text is None:
        return 0.0
    found = _AMOUNT.fullmatch(text.strip())
    if not found or not float(found[1]):
        raise ConfigurationError("bandwidth: write bytes per second as 50MB, 2MiB or 1000000")
    return float(found[1]) * _UNITS[(found[2] or "").lower()]
