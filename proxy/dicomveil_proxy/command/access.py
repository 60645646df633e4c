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
"""Joined to those of the package."""

token_commands = typer.Typer(name="token", help="Make, list and revoke static tokens.", no_args_is_help=True)

_Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default="dicomveil.toml, if there is one",
        help="The server's settings file. Its section [access] says where the tokens are.",
    ),
]
_Form = Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="What to write.")]


@token_commands.command("new")
def _token_new(
    can: Annotated[
        str,
        typer.Option(
            metavar="RIGHTS",
            help="Rights with commas between them: search, retrieve, store, export, review, admin, metrics.",
        ),
    ],
    config: _Config = None,
    project: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            show_default="the one without a name",
            help="A project in which the token is valid; may be repeated. `*` for all.",
        ),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="SPAN|DATE", help="How long it is valid: 30d, 12h, 1y, or 2030-12-31.")
    ] = None,
    name: Annotated[str, typer.Option(metavar="TEXT", help="The holder's name, for the list and the audit.")] = "",
) -> None:
    """Make a token and print it, this once.

    The file holds only its SHA-256. The server knows the token at once, without a restart.
    """
    from dicomveil_proxy.command.token import new  # noqa: PLC0415 - see the module's docstring

    new(config, project or [], can, expires, name)


@token_commands.command("list")
def _token_list(config: _Config = None, form: _Form = "table") -> None:
    """List the tokens: their holders, what they allow, until when. The tokens themselves cannot be shown."""
    from dicomveil_proxy.command.token import show  # noqa: PLC0415 - see the module's docstring

    show(config, form)


@token_commands.command("revoke")
def _token_revoke(
    which: Annotated[str, typer.Argument(metavar="ID|NAME", help="As `dicomveil token list` shows it.")],
    config: _Config = None,
) -> None:
    """Make a token invalid, at once and without a restart."""
    from dicomveil_proxy.command.token import revoke  # noqa: PLC0415 - see the module's docstring

    revoke(config, which)


commands.add_typer(token_commands)

audit_commands = typer.Typer(name="audit", help="Check and read the audit.", no_args_is_help=True)

_Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of one chain, the oldest first.")]


@audit_commands.command("verify")
def _audit_verify(
    files: _Files,
    head: Annotated[
        str | None,
        typer.Option(metavar="HEAD", help="What `dicomveil audit head` printed: the lines up to it must be there."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default="as the settings say, or beside the audit", help="The chain's key."),
    ] = None,
    config: _Config = None,
) -> None:
    """Check that no line was changed, added, dropped or moved.

    Exit status 1 where one was. Lines that are missing at the end are noticed with --head only.
    """
    from dicomveil_proxy.command.audit import verify  # noqa: PLC0415 - see the module's docstring

    verify(files, head, key_file, config)


@audit_commands.command("head")
def _audit_head(file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Print the number and digest of the last line. Keep it out of reach of those who can change the file."""
    from dicomveil_proxy.command.audit import show_head  # noqa: PLC0415 - see the module's docstring

    show_head(file)


@audit_commands.command("show")
def _audit_show(
    files: _Files,
    subject: Annotated[str | None, typer.Option(metavar="NAME", help="Only of one user, such as token:viewer.")] = None,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="Only of one project.")] = None,
    event: Annotated[str | None, typer.Option(metavar="WORD", help="Only such events: access, refusal, ...")] = None,
    study: Annotated[str | None, typer.Option(metavar="UID", help="Only of one study, by its pseudonym.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From then: 2030-01-31T08:00, or less.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Up to then.")] = None,
    form: _Form = "table",
) -> None:
    """Print events that have all that is asked for. This does not check the chain."""
    from dicomveil_proxy.command.audit import Filters, show  # noqa: PLC0415 - see the module's docstring

    show(files, Filters(subject, project, event, study, since, until), form)


commands.add_typer(audit_commands)

quarantine_commands = typer.Typer(
    name="quarantine", help="List and release what the leak guard found.", no_args_is_help=True
)


_Quarantine = Annotated[
    Path | None,
    typer.Option(
        "--quarantine", metavar="FILE", help="The file itself, such as that of `anonymize --quarantine`; no settings."
    ),
]


@quarantine_commands.command("list")
def _quarantine_list(config: _Config = None, form: _Form = "table", file: _Quarantine = None) -> None:
    """List what was held back: which original, in which attribute, by which rule. Values are not kept."""
    from dicomveil_proxy.command.quarantine import show  # noqa: PLC0415 - see the module's docstring

    show(config, form, file)


@quarantine_commands.command("release")
def _quarantine_release(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="As `dicomveil quarantine list` shows it.")],
    config: _Config = None,
    file: _Quarantine = None,
) -> None:
    """Let this value pass in this attribute from now on: it is a false alarm."""
    from dicomveil_proxy.command.quarantine import release  # noqa: PLC0415 - see the module's docstring

    release(config, entry, file)


commands.add_typer(quarantine_commands)

state_commands = typer.Typer(name="state", help="Forget what the state holds of old keys.", no_args_is_help=True)


@state_commands.callback()
def _state() -> None:
    """Forget what the state holds of old keys."""


@state_commands.command("purge")
def _state_purge(
    config: _Config = None,
    project: Annotated[
        str | None, typer.Option(metavar="NAME", show_default="all", help="Only one project; `default` has no name.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how much there is, and forget nothing.")] = False,
) -> None:
    """Forget which originals the pseudonyms of old keys stand for: of all keys that the settings do not name.

    Says how many there are, of each project, and asks. Pseudonyms of the keys in the settings are not touched.
    """
    from dicomveil_proxy.command.state import purge  # noqa: PLC0415 - see the module's docstring

    purge(config, project, agreed=yes, dry_run=dry_run)


commands.add_typer(state_commands)


@commands.command("check")
def _check(config: _Config = None) -> None:
    """Check the settings, and ask each origin server before anybody else does.

    Says what is wrong: name, port, TLS, path, credentials, a web page, no search. Exit status 1 where something is.
    """
    from dicomveil_proxy.command.origins import check  # noqa: PLC0415 - see the module's docstring

    check(config)
