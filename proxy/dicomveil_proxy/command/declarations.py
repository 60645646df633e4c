"""The command-line options of `serve`, `demo`, `keygen` and `anonymize`, for Typer.

The other commands are added here. A command's module is imported when it runs, so that `--help` does not wait for a web
server. `plain.py` parses the same options of `serve` and `anonymize` in simple cases: a test compares both.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from dicomveil_proxy.command import access, exporting, inspection

commands = typer.Typer(
    name="dicomveil",
    help="A DICOMweb proxy that de-identifies in flight: viewers and scripts see only pseudonyms.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables, and those hold patients' data
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)
commands.add_typer(inspection.commands)
commands.add_typer(access.commands)
commands.add_typer(exporting.commands)


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version  # noqa: PLC0415 - a tenth of the start of every command

        print(f"dicomveil {version('dicomveil-proxy')}")
        raise typer.Exit


@commands.callback()
def _options(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Handle the options before the command's name."""


@commands.command("serve")
def _serve(
    origin: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FOLDER",
            help="The DICOMweb server with the original images, such as http://orthanc:8042/dicom-web, or a folder "
            "of DICOM files. Required. Pass a URL with credentials in the environment (DICOMVEIL_ORIGIN), where "
            "other users cannot see it.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="PRESET|FILE",
            show_default="default",
            help="How to de-identify: the name of a preset, such as default (shifts dates) or basic (removes them), or "
            "a file of rules.",
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The project key, as `dicomveil keygen` writes it. Required."),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|URL",
            show_default="dicomveil-state",
            help="Where to store the map of pseudonyms: a folder, or postgresql://... for a database that replicas "
            "share. A cache: it may be deleted while the server is stopped.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            show_default="127.0.0.1",
            help="Address to listen on. One that other machines can reach needs [access] in the settings file.",
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", show_default="8080", help="Port to listen on; 0 means any free port.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", show_default="1", help="Number of processes; one for each CPU core to be used."),
    ] = None,
    store: Annotated[
        Literal["deidentify", "reidentify", "refuse"] | None,
        typer.Option(
            show_default="deidentify",
            help="Images that clients store: de-identify them before they are stored at the origin; re-identify "
            "objects derived from de-identified images, and store them with the originals; or refuse.",
        ),
    ] = None,
    on_error: Annotated[
        Literal["abort", "omit"] | None,
        typer.Option(
            show_default="abort",
            help="If an image cannot be de-identified: end the response with an error, or leave the image out.",
        ),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The URL of the proxy for viewers, such as https://research.example.org, if another server sits in "
            "front of it.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default="dicomveil.toml, if there is one",
            help="File with these and more settings; the environment (DICOMVEIL_ORIGIN ...) and options override it.",
        ),
    ] = None,
) -> None:
    """Serve an image archive, de-identified.

    Point a viewer at the URL that it prints. Everything is checked before the server starts.
    """
    from dicomveil_proxy.command.start import serve  # noqa: PLC0415 - see the module's docstring

    serve(
        config,
        origin=origin,
        profile=profile,
        key_file=key_file,
        state=state,
        host=host,
        port=port,
        workers=workers,
        store=store,
        on_error=on_error,
        public_url=public_url,
    )


@commands.command("demo")
def _demo(
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", show_default="8080, or a free one", help="Port to listen on; 0 means any free port."
        ),
    ] = None,
) -> None:
    """Serve a few test images, de-identified, to try things out.

    Stop it with Ctrl-C. The images come with pydicom. Nothing is stored or downloaded, and only this machine has
    access.
    """
    from dicomveil_proxy.command.demo import run  # noqa: PLC0415 - see the module's docstring

    run(port)


@commands.command("keygen")
def _keygen(file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that does not exist yet.")]) -> None:
    """Write a new project key.

    The file contains 32 random bytes as hexadecimal digits. All pseudonyms of a project come from its key. Its
    holder can trace them back.
    """
    from dicomveil_proxy.command.keygen import run  # noqa: PLC0415 - see the module's docstring

    run(file)


@commands.command("anonymize")
def _anonymize(
    input_file: Annotated[
        Path | None, typer.Option("-i", "--input-file", "--inputFile", metavar="FILE", help="One DICOM file.")
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("-o", "--output-file", "--outputFile", metavar="FILE", help="Its output.")
    ] = None,
    input_folder: Annotated[
        Path | None,
        typer.Option(
            "-I",
            "--input-folder",
            "--inputFolder",
            metavar="FOLDER",
            help="All DICOM files below a folder, whatever their names.",
        ),
    ] = None,
    output_folder: Annotated[
        Path | None,
        typer.Option(
            "-O",
            "--output-folder",
            "--outputFolder",
            metavar="FOLDER",
            help="The output folder, with the same structure: a new or empty folder, or that of an earlier run, which "
            "is then continued.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "-c", "--config-file", "--configFile", metavar="FILE", help="How to de-identify: a file with rules."
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="PRESET|FILE",
            show_default="default",
            help="How to de-identify: the name of a preset, or a file of rules.",
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="DICOMVEIL_KEY_FILE",
            help="The project key, as `dicomveil keygen` writes it. Required.",
        ),
    ] = None,
    validate_input: Annotated[
        bool,
        typer.Option("--validate-input", "--validateInput", help="Refuse files with values that are not valid DICOM."),
    ] = False,
    validate_output: Annotated[
        bool,
        typer.Option("--validate-output", "--validateOutput", help="Refuse files whose output has such values."),
    ] = False,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, max=256, help="Number of processes; one for each CPU core to be used.")
    ] = 1,
    names: Annotated[
        Literal["keep", "pseudonymous"],
        typer.Option(help="Names of files and folders, which may be patients' names: keep or replace them."),
    ] = "pseudonymous",
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The outcome for each file, as JSON lines, or as a table if it ends in .csv."
        ),
    ] = None,
    show_paths: Annotated[
        bool,
        typer.Option("--show-paths", help="With pseudonymous names: show the original paths in messages and report."),
    ] = False,
    encrypt_originals: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CERT.pem", help="Encrypt originals into each instance for this certificate; may be repeated."
        ),
    ] = None,
    guard: Annotated[
        Literal["off", "report", "refuse"],
        typer.Option(help="What to do with a file if the leak guard finds an original in its output."),
    ] = "refuse",
    quarantine: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File of the leak guard's findings, without values; released ones are ignored."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Report the outcome for each file, but write nothing."),
    ] = False,
    progress: Annotated[
        Literal["auto", "json", "none"],
        typer.Option(help="Progress: a line on a terminal, else a line per minute; or JSON lines; or none."),
    ] = "auto",
) -> None:
    """De-identify a file, or all files below a folder.

    Originals are never changed. Files that cannot be de-identified are listed and have no output; the exit status is
    then 1.
    """
    from dicomveil_proxy.command.anonymize import run  # noqa: PLC0415 - see the module's docstring

    run(
        input_file=input_file,
        output_file=output_file,
        input_folder=input_folder,
        output_folder=output_folder,
        config=config,
        profile=profile,
        key_file=key_file,
        validate_input=validate_input,
        validate_output=validate_output,
        jobs=jobs,
        names=names,
        report=report,
        show_paths=show_paths,
        dry_run=dry_run,
        progress=progress,
        encrypt_originals=encrypt_originals or (),
        guard=guard,
        quarantine=quarantine,
    )
