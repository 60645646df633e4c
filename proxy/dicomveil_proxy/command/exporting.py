"""The command-line options for exports.

    export            export a cohort                        export.py
    export status     the progress of jobs                   export_jobs.py
    export cancel     cancel a job                           export_jobs.py
    verify            verify an output by its manifest       verify.py
    link              read a linkage file                    link.py

The modules of the commands are imported when they run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dicomveil_proxy.command.options import Audited

commands = typer.Typer()
"""Joined to those of the package."""

export_commands = typer.Typer(name="export", invoke_without_command=True)
commands.add_typer(export_commands)

_State = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER|URL",
        show_default="dicomveil-jobs",
        help="Where to store the state of jobs: a folder, or postgresql://... to share it between machines. It "
        "contains originals: keep it apart from the output.",
    ),
]


@export_commands.callback()
def _export(
    context: typer.Context,
    origin: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FOLDER",
            help="The DICOMweb server with the original images, or a folder of DICOM files. Pass a URL with "
            "credentials in the environment (DICOMVEIL_ORIGIN).",
        ),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The project key, as `dicomveil keygen` writes it.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="PRESET|FILE", show_default="default", help="How to de-identify.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The settings file of the proxy, with origin, key and profile."),
    ] = None,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="A project of the settings file.")] = None,
    list_file: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE.csv",
            help="What to export, one row each; the first line names the columns: StudyInstanceUID, SeriesInstanceUID, "
            "PatientID, AccessionNumber. Original values. An earlier report is a list, too.",
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(metavar="QUERY", help="What to export, by a search: 'ModalitiesInStudy=CT&StudyDate=20200101-'."),
    ] = None,
    series: Annotated[
        str | None, typer.Option(metavar="QUERY", help="Only series that match, such as 'Modality=CT'.")
    ] = None,
    limit_studies: Annotated[int | None, typer.Option(min=1, metavar="N", help="Export at most N studies.")] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="TO",
            help="The destination: a folder or file.zip, new or from an earlier run; s3://bucket/prefix, az:// or "
            "gs://; https://host/dicom-web for another archive.",
        ),
    ] = None,
    state: _State = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The outcome for each study: .csv, .jsonl (JSON lines), or a page in .html."),
    ] = None,
    layout: Annotated[
        Literal["dicom", "tcia", "bids"],
        typer.Option(help="Folders: study/series; patient/study/series; or the source data of BIDS."),
    ] = "dicom",
    manifest: Annotated[
        Literal["csv", "parquet"], typer.Option(help="List of the instances: CSV, or Parquet in addition.")
    ] = "csv",
    rate: Annotated[float, typer.Option(min=0, metavar="N", help="Requests per second; 0 means no limit.")] = 0,
    bandwidth: Annotated[
        str | None, typer.Option(metavar="BYTES", help="Bytes per second of all workers together, such as 50MB.")
    ] = None,
    connections: Annotated[
        int, typer.Option(min=1, max=256, metavar="N", help="Connections of all workers to the archive.")
    ] = 4,
    jobs: Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Number of processes.")] = 2,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tls://HOST:PORT", help="Run on the Dask cluster of this scheduler; `local` starts one here."
        ),
    ] = None,
    retries: Annotated[
        int, typer.Option(min=0, max=100, metavar="N", help="How often to retry a series that failed.")
    ] = 3,
    linkage: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a file that links pseudonyms to patients, encrypted for --recipient; outside of the output.",
        ),
    ] = None,
    recipient: Annotated[
        list[Path] | None,
        typer.Option(metavar="CERT.pem", help="The certificate of a recipient of the linkage file; may be repeated."),
    ] = None,
    encrypt_originals: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CERT.pem", help="Encrypt originals into each instance for this certificate; may be repeated."
        ),
    ] = None,
    subjects: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Pseudonyms of your own: a list with the columns PatientID,subject."),
    ] = None,
    unlinkable: Annotated[
        bool,
        typer.Option(
            "--unlinkable", help="Use a key for this job only, which is destroyed when everything is exported."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report how much would be exported or refused, but export nothing.")
    ] = False,
    guard: Annotated[
        Literal["off", "report", "refuse"] | None,
        typer.Option(
            show_default="refuse", help="What to do with an instance if the leak guard finds an original in its output."
        ),
    ] = None,
    progress: Annotated[
        Literal["auto", "json", "none"],
        typer.Option(help="Progress: a bar on a terminal, else a line per minute; or JSON lines; or none."),
    ] = "auto",
    metrics_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE.prom", help="File with metrics for the textfile collector of node_exporter."),
    ] = None,
) -> None:
    """Export de-identified studies from an archive.

    Run the same command again to resume an interrupted export, or to add new studies to a complete one. The exit status
    is 0 if the export is complete, 1 if something is missing or nothing was selected, 2 if nothing was changed.
    """
    if context.invoked_subcommand is not None:
        return
    from dicomveil_proxy.command.export import Wanted, run  # noqa: PLC0415 - see the module's docstring

    run(
        Wanted(
            origin=origin,
            key_file=key_file,
            profile=profile,
            config=config,
            project=project,
            list_file=list_file,
            query=query,
            series=series,
            limit_studies=limit_studies,
            to=to,
            state=state,
            report=report,
            layout=layout,
            manifest=manifest,
            rate=rate,
            bandwidth=bandwidth,
            connections=connections,
            jobs=jobs,
            retries=retries,
            scheduler=scheduler,
            progress=progress,
            linkage=linkage,
            recipients=tuple(recipient or ()),
            subjects=subjects,
            encrypt_originals=tuple(encrypt_originals or ()),
            unlinkable=unlinkable,
            dry_run=dry_run,
            guard=guard,
            metrics_file=metrics_file,
        )
    )


_Job = Annotated[str | None, typer.Argument(metavar="JOB", help="The job's name, as `export status` prints it.")]


@export_commands.command("status")
def _status(job: _Job = None, state: _State = None) -> None:
    """Show the progress of jobs."""
    from dicomveil_proxy.command.export_jobs import show  # noqa: PLC0415 - see the module's docstring

    show(job, state)


@export_commands.command("cancel")
def _cancel(job: _Job = None, state: _State = None) -> None:
    """Cancel a running job; the same export command resumes it. The key of an unlinkable job is destroyed."""
    from dicomveil_proxy.command.export_jobs import cancel  # noqa: PLC0415 - see the module's docstring

    cancel(job, state)


@commands.command("verify")
def _verify(to: Annotated[str, typer.Argument(metavar="TO", help="The destination of an export.")]) -> None:
    """Check that an output is complete and unchanged.

    Each file of the manifest must exist with its size and digest, and there must be no other file.
    """
    from dicomveil_proxy.command.verify import run  # noqa: PLC0415 - see the module's docstring

    run(to)


link_commands = typer.Typer(
    name="link", help="Read a linkage file. The output contains originals.", no_args_is_help=True
)
commands.add_typer(link_commands)

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The linkage file of an export.")]
_Private = Annotated[Path, typer.Option("--key", metavar="KEY.pem", help="The recipient's private key.")]
_Signer = Annotated[
    str | None,
    typer.Option(metavar="FINGERPRINT", help="Require this project's signature; the export printed its fingerprint."),
]


@link_commands.command("open")
def _link_open(
    file: _File,
    key: _Private,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.csv", help="A new file, readable by its owner only.")
    ] = None,
    signer: _Signer = None,
    config: Audited = None,
) -> None:
    """Write the whole file as CSV."""
    from dicomveil_proxy.command.link import show  # noqa: PLC0415 - see the module's docstring

    show(file, key, output, signer, config)


@link_commands.command("lookup")
def _link_lookup(
    file: _File,
    value: Annotated[
        str, typer.Argument(metavar="VALUE|-", help="An original or a pseudonym; - reads it from standard input.")
    ],
    key: _Private,
    signer: _Signer = None,
    config: Audited = None,
) -> None:
    """Find an original or a pseudonym in the file.

    It may be a PatientID, StudyInstanceUID, AccessionNumber or subject.
    """
    from dicomveil_proxy.command.link import find  # noqa: PLC0415 - see the module's docstring

    find(file, value, key, signer, config)
