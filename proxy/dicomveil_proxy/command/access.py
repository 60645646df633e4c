"""The command-line options for administration.

    token       static tokens                          token.py
    audit       the audit trail                        audit.py
    check       the settings and the origin servers    origins.py
    quarantine  findings of the leak guard             quarantine.py
    state       pseudonyms of keys no longer in use    state.py

The modules of the commands are imported when they run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

commands = typer.Typer()
"""Added to the commands of the package."""

token_commands = typer.Typer(name="token", help="Make, list and revoke static tokens.", no_args_is_help=True)

_Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default="dicomveil.toml, if there is one",
        help="The server's settings file.",
    ),
]
_Form = Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="What to write.")]


@token_commands.command("new")
def _token_new(
    can: Annotated[
        str,
        typer.Option(
            metavar="RIGHTS",
            help="Comma-separated rights: search, retrieve, store, export, review, admin, metrics.",
        ),
    ],
    config: _Config = None,
    project: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            show_default="the default project",
            help="A project for which the token is valid; may be repeated. `*` for all.",
        ),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="SPAN|DATE", help="Period of validity, or its end: 30d, 12h, 1y, 2030-12-31.")
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="TEXT", help="The holder's name, for the list and the audit trail.")
    ] = "",
) -> None:
    """Generate a token and print it.

    It cannot be printed again, since the file contains only its SHA-256. It is valid at once, without a restart.
    """
    from dicomveil_proxy.command.token import new  # noqa: PLC0415 - see the module's docstring

    new(config, project or [], can, expires, name)


@token_commands.command("list")
def _token_list(config: _Config = None, form: _Form = "table") -> None:
    """List the tokens' holders, rights and expiry dates. The tokens themselves cannot be shown."""
    from dicomveil_proxy.command.token import show  # noqa: PLC0415 - see the module's docstring

    show(config, form)


@token_commands.command("revoke")
def _token_revoke(
    which: Annotated[str, typer.Argument(metavar="ID|NAME", help="As `dicomveil token list` shows it.")],
    config: _Config = None,
) -> None:
    """Revoke a token at once, without a restart."""
    from dicomveil_proxy.command.token import revoke  # noqa: PLC0415 - see the module's docstring

    revoke(config, which)


commands.add_typer(token_commands)

audit_commands = typer.Typer(name="audit", help="Check and read the audit trail.", no_args_is_help=True)

_Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of one chain, the oldest first.")]


@audit_commands.command("verify")
def _audit_verify(
    files: _Files,
    head: Annotated[
        str | None,
        typer.Option(metavar="HEAD", help="The output of `dicomveil audit head`, up to which all lines must exist."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default="from the settings, or beside the audit", help="The chain's key."),
    ] = None,
    config: _Config = None,
) -> None:
    """Check that no line was changed, added, removed or moved.

    The exit status is 1 if one was. Lines missing at the end are detected only with --head.
    """
    from dicomveil_proxy.command.audit import verify  # noqa: PLC0415 - see the module's docstring

    verify(files, head, key_file, config)


@audit_commands.command("head")
def _audit_head(file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of the audit trail.")]) -> None:
    """Print the number and digest of the last line.

    Store them where those who can change the file have no access.
    """
    from dicomveil_proxy.command.audit import show_head  # noqa: PLC0415 - see the module's docstring

    show_head(file)


@audit_commands.command("show")
def _audit_show(
    files: _Files,
    subject: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only events of this user, such as token:viewer.")
    ] = None,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="Only events of this project.")] = None,
    event: Annotated[
        str | None, typer.Option(metavar="WORD", help="Only events of this type: access, refusal, ...")
    ] = None,
    study: Annotated[
        str | None, typer.Option(metavar="UID", help="Only events of the study with this pseudonym.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From this time on (UTC): 2030-01-31T08:00, 2030-01-31.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Until this time (UTC).")] = None,
    form: _Form = "table",
) -> None:
    """Print the events that match all options. This does not check the chain."""
    from dicomveil_proxy.command.audit import Filters, show  # noqa: PLC0415 - see the module's docstring

    show(files, Filters(subject, project, event, study, since, until), form)


commands.add_typer(audit_commands)

quarantine_commands = typer.Typer(
    name="quarantine", help="List and release what the leak guard found.", no_args_is_help=True
)


_Quarantine = Annotated[
    Path | None,
    typer.Option(
        "--quarantine", metavar="FILE", help="The quarantine file, as of `anonymize --quarantine`, instead of settings."
    ),
]


@quarantine_commands.command("list")
def _quarantine_list(config: _Config = None, form: _Form = "table", file: _Quarantine = None) -> None:
    """List the findings: original instance, attribute and rule. Values are not kept."""
    from dicomveil_proxy.command.quarantine import show  # noqa: PLC0415 - see the module's docstring

    show(config, form, file)


@quarantine_commands.command("release")
def _quarantine_release(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="As `dicomveil quarantine list` shows it.")],
    config: _Config = None,
    file: _Quarantine = None,
) -> None:
    """Mark a finding as a false alarm.

    Its value is allowed in its attribute from now on.
    """
    from dicomveil_proxy.command.quarantine import release  # noqa: PLC0415 - see the module's docstring

    release(config, entry, file)


commands.add_typer(quarantine_commands)

state_commands = typer.Typer(name="state", help="Delete records of old keys.", no_args_is_help=True)


@state_commands.callback()
def _state() -> None:
    """Delete records of old keys."""


@state_commands.command("purge")
def _state_purge(
    config: _Config = None,
    project: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default="all", help="Only this project; `default` is the default project."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the numbers, and delete nothing.")] = False,
) -> None:
    """Delete the records of keys that are not in the settings.

    These are pseudonyms with their originals. Prints their numbers for each project, and asks for confirmation.
    Pseudonyms of the keys in the settings remain.
    """
    from dicomveil_proxy.command.state import purge  # noqa: PLC0415 - see the module's docstring

    purge(config, project, agreed=yes, dry_run=dry_run)


commands.add_typer(state_commands)


@commands.command("check")
def _check(config: _Config = None) -> None:
    """Check the settings, and send a search to each origin server.

    Reports errors of name resolution, connection, TLS, path, credentials and search. The exit status is 1 if there is
    one.
    """
    from dicomveil_proxy.command.origins import check  # noqa: PLC0415 - see the module's docstring

    check(config)
