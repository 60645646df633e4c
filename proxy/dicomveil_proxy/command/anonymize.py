"""`dicomveil anonymize`: de-identify files, and report the outcomes.

Failures are reported on stderr as they occur, the totals on stdout at the end. Paths may contain names, so that input
paths are reported only if names are kept, or with --show-paths.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command.guarding import quarantine_at, terms
from dicomveil_proxy.command.profile import key_of, recipients_of
from dicomveil_proxy.command.refusal import refuse, sigterm_as_interrupt
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.jobs import Event, Job, Status, deidentify_file, deidentify_folder, rehearse_folder
from dicomveil_proxy.jobs.guarding import GuardMode
from dicomveil_proxy.jobs.names import Naming, looks_like_a_person, printable
from dicomveil_proxy.jobs.report import Progress, Report, Shown
from dicomveil_proxy.leaks.guard import Leak
from dicomveil_proxy.settings.rights import label_of
from dicomveil_proxy.trust.alarm import GuardAlarm
from dicomveil_proxy.trust.audit import Audit

SOME_FAILED = 1
"""Exit status: an instance has no output, or there was no instance at all."""

_SKIPPED_LISTED = 20


@dataclass(frozen=True)
class Paths:
    """Input and output: two files or two folders."""

    input_file: Path | None = None
    output_file: Path | None = None
    input_folder: Path | None = None
    output_folder: Path | None = None

    def chosen(self, *, only_folders: bool = False) -> tuple[Path, Path, bool]:
        """Input, output, and whether they are folders. Raises ConfigurationError unless there is one pair."""
        if only_folders and not self.output_folder:
            raise ConfigurationError("--dry-run is for folders; give -I and -O")
        files = (self.input_file, self.output_file)
        folders = (self.input_folder, self.output_folder)
        if any(files) and any(folders):
            raise ConfigurationError("-i and -o mean files, -I and -O folders; give one pair of them")
        for source, target, is_folder in ((*files, False), (*folders, True)):
            if source and target:
                return source, target, is_folder
        raise ConfigurationError("give an input and an output: -i FILE -o FILE, or -I FOLDER -O FOLDER")


def run(
    *,
    input_file: Path | None = None,
    output_file: Path | None = None,
    input_folder: Path | None = None,
    output_folder: Path | None = None,
    config: Path | None = None,
    profile: str | None = None,
    key_file: Path | None = None,
    validate_input: bool = False,
    validate_output: bool = False,
    jobs: int = 1,
    names: Naming = "pseudonymous",
    report: Path | None = None,
    show_paths: bool = False,
    dry_run: bool = False,
    progress: Shown = "auto",
    encrypt_originals: Sequence[Path] = (),
    guard: GuardMode = "refuse",
    quarantine: Path | None = None,
) -> None:
    """De-identify; the exit status is 0 if all succeeded, 1 if an instance failed, 2 if nothing could be started."""
    paths = Paths(input_file, output_file, input_folder, output_folder)
    try:
        source, target, is_folder = paths.chosen(only_folders=dry_run)
        job = Job(_profile(config, profile), _key(key_file), validate_input, validate_output)
        policy = job.policy()
        kept = quarantine_at(quarantine)
        recipients = recipients_of(policy, tuple(encrypt_originals))
        job = replace(job, recipients=recipients, guard=terms(guard, kept))
        for warning in policy.warnings:
            print(f"warning: profile: {warning}", file=sys.stderr)
        with ExitStack() as stack:
            stack.enter_context(sigterm_as_interrupt())
            opened = _opened(report, source, key_file, job.profile, is_private=show_paths) if report else None
            written = stack.enter_context(opened) if opened else None
            shows_paths = names == "keep" or show_paths
            outcomes = _Outcomes(written, shows_paths, progress, warns=is_folder and names == "keep")
            outcomes.explains_names = is_folder and not shows_paths
            outcomes.alarm = partial(GuardAlarm(Audit(None, required=False), kept, label_of("")), mode=guard)
            if dry_run:
                rehearse_folder(job, source, target, outcomes, jobs=jobs, naming=names)
            elif is_folder:
                deidentify_folder(job, source, target, outcomes, jobs=jobs, naming=names)
            else:
                outcomes(Event(source.name, target.name, deidentify_file(job, source, target)))
    except ConfigurationError as error:
        refuse(str(error))
    except StateUnavailable:
        print(
            "dicomveil: the record of what is done in the output folder cannot be written any more; check the disk. "
            "The same command resumes",
            file=sys.stderr,
        )
        sys.exit(SOME_FAILED)
    outcomes.end()
    if dry_run:
        print("this was a dry run: nothing was written")
    if outcomes.has_failed:
        sys.exit(SOME_FAILED)


class _Outcomes:
    """Reports the outcome of each file, and the totals."""

    def __init__(self, report: Report | None, shows_sources: bool, shown: Shown, *, warns: bool) -> None:
        self._report = report
        self._shows_sources = shows_sources
        self._progress = Progress(sys.stderr, shown)
        self._warns = warns
        self._persons = 0
        self.alarm: Callable[[Leak], object] = lambda _: None
        """Called with each finding of the leak guard."""
        self.explains_names = False
        """Whether to note after errors that the names shown are pseudonyms."""

    def __call__(self, event: Event) -> None:
        """Report one file's outcome."""
        outcome = event.outcome
        for finding in outcome.alarms:
            self.alarm(finding)
        name = printable(event.source if self._shows_sources else event.target)
        self._progress.add(outcome.status)
        if self._warns and any(looks_like_a_person(part) for part in event.target.split("/")):
            self._persons += 1
        if self._report:
            self._report.add(event, name)
        if outcome.status is Status.FAILED:
            self._progress.note(f"failed: {name}: {outcome.reason}")
        elif outcome.status is Status.REBUILT and outcome.reason:
            self._progress.note(f"warning: {name}: {outcome.reason}")
        elif outcome.status is Status.SKIPPED:
            self._skipped(name, outcome.reason)

    def _skipped(self, name: str, reason: str) -> None:
        count = self._progress.counts[Status.SKIPPED]
        if count <= _SKIPPED_LISTED:
            self._progress.note(f"skipped: {name}: {reason}")
        elif count == _SKIPPED_LISTED + 1:
            self._progress.note("skipped: and more, which a --report lists")

    def end(self) -> None:
        """Report the totals."""
        if self.explains_names and (counts := self._progress.counts)[Status.FAILED] + counts[Status.SKIPPED]:
            self._progress.note("note: the names above are pseudonyms; --show-paths shows the original paths")
        self._progress.end()
        print(self._progress.described())
        if self._persons:
            print(
                f"warning: the paths of {self._persons:,} files look like people's names, and the output has them; "
                "--names pseudonymous replaces them",
                file=sys.stderr,
            )
        if not self._has_instances:
            print("dicomveil: no DICOM instance was found in the input", file=sys.stderr)

    @property
    def has_failed(self) -> bool:
        """Whether the output is incomplete."""
        return bool(self._progress.counts[Status.FAILED]) or not self._has_instances

    @property
    def _has_instances(self) -> bool:
        return any(self._progress.counts[status] for status in Status if status is not Status.SKIPPED)


def _profile(config: Path | None, profile: str | None) -> Path | str:
    if config and profile:
        raise ConfigurationError("-c and --profile both say how to de-identify; give one of them")
    return config or profile or "default"


def _key(path: Path | None) -> bytes:
    """The project key; warns if others can read it. Raises ConfigurationError."""
    if path is None:
        raise ConfigurationError(
            "key_file: it is not set; give --key-file FILE or DICOMVEIL_KEY_FILE (`dicomveil keygen FILE` makes one). "
            "All pseudonyms come from it, and with the same key they stay the same"
        )
    return key_of(path)


def _opened(path: Path, source: Path, *others: Path | str | None, is_private: bool) -> Report:
    """A new report, unless it would overwrite the input or another file of the command. Raises ConfigurationError.

    With --show-paths it has the paths of originals, which may be patients' names.
    """
    place = path.resolve()
    if source.resolve() in (place, *place.parents) or place in [Path(other).resolve() for other in others if other]:
        raise ConfigurationError("the report would be written over or among the input; give another place")
    try:
        return Report(path, is_private=is_private)
    except OSError as error:
        raise ConfigurationError(f"the report cannot be written ({error.strerror})") from None
