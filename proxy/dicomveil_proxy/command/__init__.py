"""The command `dicomveil`: what can be typed, and what each word means.

    serve     the proxy                        serve.py
    demo      the proxy over built-in images   demo.py
    keygen    a new project key                keygen.py

Here are names, options and help; what a command does is in its module, imported when it is called for, so that
`--help` does not wait for a web server. `refusal.py` says how all of them refuse.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer

from dicomveil_proxy import logs

ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "268435456", "MALLOC_TRIM_THRESHOLD_": "268435456"}
"""glibc keeps blocks up to 256 MiB instead of giving each back to the kernel: measured 421 → 310 ms CPU for 158 MB."""

commands = typer.Typer(
    name="dicomveil",
    help="A DICOMweb proxy that de-identifies in flight: viewers and scripts see only pseudonyms.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables, and those hold patients' data
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)


def main() -> None:
    """Run the command line: the entry point of `dicomveil` and of `python -m dicomveil_proxy`."""
    logs.configure()
    if sys.argv[1:2] == ["serve"]:
        _with_allocator()
    try:
        # Called by itself, the Typer object puts an excepthook of its own in the place of ours.
        typer.main.get_command(commands).main(prog_name="dicomveil")
    except KeyboardInterrupt:
        sys.exit(130)  # as shells say it: ended by SIGINT


def _with_allocator() -> None:
    """Begin anew with glibc told to keep large blocks: it reads its variables before Python runs.

    Values that somebody set hold. Afterwards all are there, so that this happens once.
    """
    if sys.platform == "linux" and not os.environ.keys() >= ALLOCATOR.keys():
        # Ourselves, with our own arguments: nothing of a stranger's is in them.
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**ALLOCATOR, **os.environ})  # noqa: S606


def _show_version(value: bool) -> None:
    if value:
        print(f"dicomveil {version('dicomveil-proxy')}")
        raise typer.Exit


@commands.callback()
def _options(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Take what stands before the command's name."""


@commands.command("serve")
def _serve(
    origin: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FOLDER",
            help="The DICOMweb server with the original images, such as http://orthanc:8042/dicom-web, or a folder "
            "of DICOM files. Required. Credentials in the URL belong into the environment, where others cannot see "
            "them.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="PRESET|FILE",
            show_default="default",
            help="How to de-identify: default (dates are moved), basic (dates are removed), or a file of rules.",
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The project key, as `dicomveil keygen` writes it. Required."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            show_default="dicomveil-state",
            help="Where to remember which pseudonym stands for what. A cache: it may be deleted while nothing runs.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            show_default="127.0.0.1", help="Address to listen on. dicomveil itself asks nobody who he is: see the docs."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(show_default="8080", help="Port to listen on; 0 takes a free one.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(show_default="1", help="Processes; one for each CPU core that the proxy may take.")
    ] = None,
    store: Annotated[
        Literal["deidentify", "refuse"] | None,
        typer.Option(
            show_default="deidentify", help="Images that are sent: store them de-identified at the origin, or refuse."
        ),
    ] = None,
    on_error: Annotated[
        Literal["abort", "omit"] | None,
        typer.Option(
            show_default="abort",
            help="An image that cannot be de-identified: break the answer off, or leave the image out.",
        ),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where viewers reach the proxy, such as https://research.example.org, if another "
            "server stands before it.",
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
    from dicomveil_proxy.command.serve import run  # noqa: PLC0415 - see the module's docstring

    run(
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
        int | None, typer.Option(show_default="8080, or a free one", help="Port to listen on; 0 takes a free one.")
    ] = None,
) -> None:
    """Serve a few test images, de-identified, to try things out; Ctrl-C ends it.

    The images come with pydicom. Nothing is kept, nothing is fetched, and only this machine is served.
    """
    from dicomveil_proxy.command.demo import run  # noqa: PLC0415 - see the module's docstring

    run(port)


@commands.command("keygen")
def _keygen(file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that does not exist yet.")]) -> None:
    """Write a new project key: 32 random bytes as hexadecimal digits.

    All pseudonyms of a project come from its key. Whoever has it can trace them back.
    """
    from dicomveil_proxy.command.keygen import run  # noqa: PLC0415 - see the module's docstring

    run(file)
