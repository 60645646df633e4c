"""What can be typed to look at instances, profiles and configurations: names, options and help.

    explain       what happens to each element       explain.py
    review        what is left in a folder           review.py
    decrypt       the way back from encrypt          decrypt.py
    conformance   the statement of PS3.15            conformance.py
    config        check, convert, schema             config.py
    masks         device tables                      masks.py
    vocabulary    the archive's words, counted       vocabulary.py

As in the package itself, what a command does is imported when it is called for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

commands = typer.Typer()
"""Joined to those of the package."""

_Audited = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default="dicomveil.toml, if there is one",
        help="The settings file of the proxy: that originals are shown is written into its audit.",
    ),
]

config_commands = typer.Typer(
    name="config", help="Check a file of rules, convert it, or write its JSON Schema.", no_args_is_help=True
)

_Profile = Annotated[
    str | None,
    typer.Option(
        metavar="PRESET|FILE",
        show_default="default",
        help="How to de-identify: the name of a preset, or a file of rules.",
    ),
]

_Key = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="DICOMVEIL_KEY_FILE",
        help="The project key, to see its pseudonyms; without it they are others.",
    ),
]


@commands.command("explain")
def _explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="INSTANCE|TAG",
            help="A DICOM file, or an attribute: PatientName, (0010,0010), '(0009,xx01:ACME 1.0)'.",
        ),
    ],
    profile: _Profile = None,
    key_file: _Key = None,
    form: Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="What to write.")] = "table",
    show_values: Annotated[
        bool,
        typer.Option("--show-values", help="Show each value before and after. The output then holds patients' data."),
    ] = False,
    texts: Annotated[
        bool, typer.Option("--text", help="What is found in the instance's texts instead, and by which detector.")
    ] = False,
) -> None:
    """Say what happens to each element, and by which rule.

    To those of an instance, or to one attribute. Nothing of the instance's values is shown unless you ask for
    it.
    """
    from dicomveil_proxy.command.explain import run  # noqa: PLC0415 - see the module's docstring

    run(what, profile, key_file, form=form, show_values=show_values, texts=texts)


@commands.command("review")
def _review(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="DICOM files, in any depth of folders.")],
    profile: _Profile = None,
    key_file: _Key = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all values into this file, which must not exist yet.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all values as a form to work through, which must not exist yet."),
    ] = None,
    contact_sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a page with the pictures that may hold text, before and after, which must not exist yet. "
            "It shows originals.",
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="How many of the most suspicious values to print.")] = 50,
    limit: Annotated[
        int, typer.Option(min=1, help="Unique values kept per attribute; those beyond are only counted.")
    ] = 1000,
    config: _Audited = None,
) -> None:
    """List the values that de-identification leaves in a folder.

    The most suspicious come first. Every DICOM file of the folder is de-identified in memory; nothing is
    written but the list. THE LIST SHOWS VALUES: what slipped through stands in it. Treat it like the
    originals.
    """
    from dicomveil_proxy.command.review import run  # noqa: PLC0415 - see the module's docstring

    run(
        folder,
        profile,
        key_file,
        csv_file=csv,
        rows=rows,
        limit=limit,
        html_file=html,
        sheet_file=contact_sheet,
        config=config,
    )


@commands.command("decrypt")
def _decrypt(
    instance: Annotated[
        Path | None, typer.Argument(metavar="INSTANCE", help="A DICOM file with encrypted attributes.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it, restored. Nothing is overwritten."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="FILE", help="The configuration with which it was encrypted.")
    ] = None,
    private_key: Annotated[
        Path | None,
        typer.Option("--key", metavar="KEY.pem", help="A private key, for originals that were encrypted for it."),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="One encrypted text instead of an instance; the original is printed."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="DICOMVEIL_KEY_FILE",
            help="The project key with which it was encrypted; not needed where the configuration has encryptKey.",
        ),
    ] = None,
    config: _Audited = None,
) -> None:
    """Undo the method encrypt with the key.

    For an instance, or for one text. With another key nothing is written. What was removed, replaced or moved
    stays so.
    """
    from dicomveil_proxy.command.decrypt import run  # noqa: PLC0415 - see the module's docstring

    run(instance, output, value, profile, key_file, private_key, config)


@commands.command("conformance")
def _conformance(
    profile: _Profile = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="In place of a profile, a server's settings: its projects and their keys."),
    ] = None,
) -> None:
    """Write the conformance statement of a profile.

    In Markdown, with all that PS3.15 Section E.1.3 asks for. With --config also which keys the projects have, by
    fingerprints.
    """
    from dicomveil_proxy.command.conformance import run  # noqa: PLC0415 - see the module's docstring

    run(profile, config)


_ConfigFile = Annotated[Path, typer.Argument(metavar="FILE", help="A file of rules, in any dialect.")]


@config_commands.command("check")
def _config_check(file: _ConfigFile) -> None:
    """Name all that is wrong with a configuration.

    Every key without effect, every rule that can never apply, and every error, each with a suggested fix. The exit
    status is 1 if there is an error, else 0; warnings are printed.
    """
    from dicomveil_proxy.command.config import check  # noqa: PLC0415 - see the module's docstring

    check(file)


@config_commands.command("convert")
def _config_convert(
    file: _ConfigFile,
    to: Annotated[Literal["dicomveil"], typer.Option(help="The dialect to write.")] = "dicomveil",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A file that does not exist yet, instead of the screen."),
    ] = None,
) -> None:
    """Write a configuration in dicomveil's own dialect.

    One of another tool gets the same effect in our words.
    """
    from dicomveil_proxy.command.config import convert  # noqa: PLC0415 - see the module's docstring

    convert(file, to, output)


@config_commands.command("schema")
def _config_schema() -> None:
    """Write the JSON Schema of configurations.

    Editors complete and check with it while you type.
    """
    from dicomveil_proxy.command.config import schema  # noqa: PLC0415 - see the module's docstring

    schema()


commands.add_typer(config_commands)


pixel_commands = typer.Typer(name="pixels", help="Text in pixels.", no_args_is_help=True)
commands.add_typer(pixel_commands)


@pixel_commands.callback()
def _pixels() -> None:
    """Text in pixels."""


@pixel_commands.command("sweep")
def _sweep_pixels(
    origin: Annotated[
        str | None, typer.Option(metavar="URL|FOLDER", help="The DICOMweb server, or a folder, as for `serve`.")
    ] = None,
    profile: _Profile = None,
    key_file: _Key = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", show_default="dicomveil-state", help="The state folder of the server."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default="dicomveil.toml, if there is one", help="The settings file of the server."
        ),
    ] = None,
) -> None:
    """Look for text in all instances of an archive before somebody asks for them.

    What is found is kept in the state folder that the server uses, so that viewers do not wait. A sweep that was
    stopped resumes; series that have not grown are passed over.
    """
    from dicomveil_engine import ConfigurationError  # noqa: PLC0415 - see the module's docstring
    from dicomveil_proxy.command import pixels  # noqa: PLC0415
    from dicomveil_proxy.command.refusal import refuse  # noqa: PLC0415
    from dicomveil_proxy.settings.server import load_settings  # noqa: PLC0415

    try:
        settings = load_settings(config, origin=origin, profile=profile, key_file=key_file, state=state)
    except ConfigurationError as error:
        refuse(str(error))
    pixels.run(settings)


mask_commands = typer.Typer(name="masks", help="Device tables for text in pixels.", no_args_is_help=True)
commands.add_typer(mask_commands)


@mask_commands.callback()
def _masks() -> None:
    """Device tables for text in pixels."""


@mask_commands.command("import")
def _import_masks(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recipe of pydicom/deid, or a script of CTP.")],
    *,
    syntax: Annotated[
        Literal["deid", "ctp"] | None, typer.Option("--format", help="Which of both; recognised if not given.")
    ] = None,
) -> None:
    """Write a device table of somebody else's as one of ours, on standard output."""
    from dicomveil_proxy.command import masks  # noqa: PLC0415

    masks.run(file, syntax)


@mask_commands.command("check")
def _check_masks(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A device table (TOML).")],
) -> None:
    """Check a device table: one line for each fault, with file and line; exit status 1 if there is one."""
    from dicomveil_proxy.command import masks  # noqa: PLC0415

    masks.check(file)


@mask_commands.command("schema")
def _mask_schema() -> None:
    """Write the JSON Schema of device tables.

    Editors complete and check with it while you type.
    """
    from dicomveil_proxy.command import masks  # noqa: PLC0415

    masks.schema()


vocabulary_commands = typer.Typer(
    name="vocabulary", help="Count an archive's words, so that cleaning knows its names.", no_args_is_help=True
)
commands.add_typer(vocabulary_commands)


@vocabulary_commands.command("build")
def _vocabulary_build(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A file that does not exist yet.")],
    origin: Annotated[
        str | None,
        typer.Option(metavar="URL", envvar="DICOMVEIL_ORIGIN", help="The DICOMweb server with the original images."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--input-folder", "-I", metavar="FOLDER", help="A folder of DICOM files instead.")
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", envvar="DICOMVEIL_KEY_FILE", help="The project key. Required."),
    ] = None,
) -> None:
    """Count the words of an archive's texts and names.

    The file holds keyed digests with two counts, and no word. A policy names it: "text": {"vocabulary": FILE}.
    An interrupted run resumes with the same command.
    """
    from dicomveil_proxy.command.vocabulary import build  # noqa: PLC0415 - see the module's docstring

    build(origin, folder, key_file, output)


@vocabulary_commands.command("show")
def _vocabulary_show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `dicomveil vocabulary build` has written.")],
) -> None:
    """Print the counts of a vocabulary.

    How many patients and words it has. No word can be printed: none is in it.
    """
    from dicomveil_proxy.command.vocabulary import show  # noqa: PLC0415 - see the module's docstring

    show(file)
