"""The command-line options for inspecting instances, profiles and configurations.

    explain       what happens to each element              explain.py
    review        values that are left in a folder          review.py
    decrypt       undoing the method encrypt                decrypt.py
    conformance   the conformance statement of a profile    conformance.py
    config        check, convert, schema                    config.py
    pixels        searching an archive's pixels for text    pixels.py
    masks         device tables                             masks.py
    vocabulary    counts of an archive's words              vocabulary.py

The modules of the commands are imported when they run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dicomveil_proxy.command.options import Audited

commands = typer.Typer()
"""Added to the commands of the package."""

config_commands = typer.Typer(
    name="config", help="Check rules or settings, convert rules, write their JSON Schema.", no_args_is_help=True
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
        help="The project key, to see its pseudonyms. Without it, a random key is used.",
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
        bool, typer.Option("--text", help="Show the findings in the instance's texts instead, and their detectors.")
    ] = False,
) -> None:
    """Explain what happens to each element, and by which rule.

    The instance's values are not shown without --show-values.
    """
    from dicomveil_proxy.command.explain import run  # noqa: PLC0415 - see the module's docstring

    run(what, profile, key_file, form=form, show_values=show_values, texts=texts)


@commands.command("review")
def _review(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of DICOM files, searched recursively.")],
    profile: _Profile = None,
    key_file: _Key = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all values to this CSV file, which must not exist yet.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all values as an HTML form for review, which must not exist yet."),
    ] = None,
    contact_sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write an HTML page with the images that may contain text, before and after, which must not exist "
            "yet. It shows originals.",
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of values to print, the most suspicious first.")
    ] = 50,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="Unique values listed per attribute; further ones are only counted.")
    ] = 1000,
    config: Audited = None,
) -> None:
    """List the values that de-identification leaves in a folder.

    The most suspicious values come first. Every DICOM file in the folder is de-identified in memory; only the
    list is written. THE LIST CONTAINS VALUES, which may identify patients: protect it like the originals.
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
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file for the restored instance, which must not exist yet."
        ),
    ] = None,
    profile: Annotated[str | None, typer.Option(metavar="FILE", help="The configuration that encrypted it.")] = None,
    private_key: Annotated[
        Path | None,
        typer.Option(
            "--key", metavar="KEY.pem", help="The private key of a recipient for whom originals were encrypted."
        ),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="An encrypted text instead of an instance; the original is printed."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="DICOMVEIL_KEY_FILE",
            help="The project key that encrypted it; not needed if the configuration has encryptKey.",
        ),
    ] = None,
    config: Audited = None,
) -> None:
    """Undo the method encrypt for an instance or a text.

    With a wrong key, nothing is written. Values that were removed, replaced or shifted cannot be restored.
    """
    from dicomveil_proxy.command.decrypt import run  # noqa: PLC0415 - see the module's docstring

    run(instance, output, value, profile, key_file, private_key, config)


@commands.command("conformance")
def _conformance(
    profile: _Profile = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A server's settings file instead of a profile: its projects and their keys."
        ),
    ] = None,
) -> None:
    """Write the conformance statement of a profile.

    It is written as Markdown and contains what PS3.15 Section E.1.3 requires; with --config, also the fingerprints
    of the projects' keys.
    """
    from dicomveil_proxy.command.conformance import run  # noqa: PLC0415 - see the module's docstring

    run(profile, config)


_ConfigFile = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A file of rules, in any dialect; `check` also takes a settings file (.toml)."),
]


@config_commands.command("check")
def _config_check(file: _ConfigFile) -> None:
    """Check a configuration.

    Prints all errors, keys without effect and rules that never apply, each with a suggested fix. The exit status is
    1 if there is an error, else 0, also with warnings.
    """
    from dicomveil_proxy.command.config import check  # noqa: PLC0415 - see the module's docstring

    check(file)


@config_commands.command("convert")
def _config_convert(
    file: _ConfigFile,
    to: Annotated[Literal["dicomveil"], typer.Option(help="The dialect to write.")] = "dicomveil",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="A file that does not exist yet, instead of standard output."
        ),
    ] = None,
) -> None:
    """Convert another tool's configuration into dicomveil's own.

    Its effect is the same.
    """
    from dicomveil_proxy.command.config import convert  # noqa: PLC0415 - see the module's docstring

    convert(file, to, output)


@config_commands.command("schema")
def _config_schema() -> None:
    """Write the JSON Schema of configurations.

    Editors use it to check and complete them.
    """
    from dicomveil_proxy.command.config import schema  # noqa: PLC0415 - see the module's docstring

    schema()


commands.add_typer(config_commands)


pixel_commands = typer.Typer(name="pixels", help="Search pixels for text.", no_args_is_help=True)
commands.add_typer(pixel_commands)


@pixel_commands.callback()
def _pixels() -> None:
    """Search pixels for text."""


@pixel_commands.command("sweep")
def _sweep_pixels(
    origin: Annotated[
        str | None, typer.Option(metavar="URL|FOLDER", help="The DICOMweb server, or a folder, as for `serve`.")
    ] = None,
    profile: _Profile = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The project key, as for `serve`. Required.")
    ] = None,
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
    """Search an archive's pixels before they are requested.

    All instances are searched for text. The results are kept in the server's state folder, so that viewers do not
    wait. An interrupted sweep resumes; series without new instances are skipped.
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


mask_commands = typer.Typer(
    name="masks", help="Check and convert device tables for text in pixels.", no_args_is_help=True
)
commands.add_typer(mask_commands)


@mask_commands.callback()
def _masks() -> None:
    """Check and convert device tables for text in pixels."""


@mask_commands.command("import")
def _import_masks(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recipe of pydicom/deid, or a script of CTP.")],
    *,
    syntax: Annotated[
        Literal["deid", "ctp"] | None, typer.Option("--format", help="Format of the file; recognised if not given.")
    ] = None,
) -> None:
    """Convert another tool's device table.

    The result is printed in dicomveil's format.
    """
    from dicomveil_proxy.command import masks  # noqa: PLC0415

    masks.run(file, syntax)


@mask_commands.command("check")
def _check_masks(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A device table (TOML).")],
) -> None:
    """Check a device table.

    Prints each error with file and line. The exit status is 1 if there is one.
    """
    from dicomveil_proxy.command import masks  # noqa: PLC0415

    masks.check(file)


@mask_commands.command("schema")
def _mask_schema() -> None:
    """Write the JSON Schema of device tables.

    Editors use it to check and complete them.
    """
    from dicomveil_proxy.command import masks  # noqa: PLC0415

    masks.schema()


vocabulary_commands = typer.Typer(
    name="vocabulary", help="Count an archive's words, so that cleaning recognises names.", no_args_is_help=True
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

    The file contains keyed digests of words, each with two counts, and no words. A configuration refers to it by
    "text": {"vocabulary": FILE}. An interrupted run resumes with the same command.
    """
    from dicomveil_proxy.command.vocabulary import build  # noqa: PLC0415 - see the module's docstring

    build(origin, folder, key_file, output)


@vocabulary_commands.command("show")
def _vocabulary_show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `dicomveil vocabulary build` wrote.")],
) -> None:
    """Print the numbers of patients and words in a vocabulary.

    The words themselves are not in the file.
    """
    from dicomveil_proxy.command.vocabulary import show  # noqa: PLC0415 - see the module's docstring

    show(file)
