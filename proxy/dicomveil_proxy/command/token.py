"""`dicomveil token`: make, list and revoke static tokens. A running server notices changes of the file."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.table import Format, write_rows
from dicomveil_proxy.settings.rights import DEFAULT_PROJECT, EVERY_PROJECT
from dicomveil_proxy.settings.server import Settings, load_settings
from dicomveil_proxy.trust.tokens import TokenFile

_SPAN = re.compile(r"([1-9][0-9]{0,5})([smhdwy])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
COLUMNS = ("id", "name", "projects", "can", "created", "expires", "state")


def new(config: Path | None, projects: Sequence[str], can: str, expires: str | None, name: str) -> None:
    """Generate a token and print it, or refuse."""
    try:
        settings, tokens = _tokens(config)
        now = time.time()
        wanted = _projects(settings, projects)
        rights = [word.strip() for word in can.split(",") if word.strip()]
        token, made = tokens.new(wanted, rights, name=name, now=now, expires=_until(expires, now))
    except ConfigurationError as error:
        refuse(str(error))
    print(token, flush=True)
    print(f"This is token {made.id}. It cannot be shown again; hand it over securely.", file=sys.stderr)


def show(config: Path | None, form: Format) -> None:
    """List all tokens, or refuse."""
    try:
        _, tokens = _tokens(config)
        now = time.time()
        rows = [
            {
                "id": each.id,
                "name": each.name,
                "projects": ",".join(each.projects),
                "can": ",".join(each.can),
                "created": _date(each.created),
                "expires": _date(each.expires),
                "state": each.state(now),
            }
            for each in tokens.all()
        ]
    except ConfigurationError as error:
        refuse(str(error))
    write_rows(rows, COLUMNS, form, sys.stdout)


def revoke(config: Path | None, which: str) -> None:
    """Revoke a token, or refuse."""
    try:
        _, tokens = _tokens(config)
        revoked = tokens.revoke(which, now=time.time())
    except ConfigurationError as error:
        refuse(str(error))
    print(f"Token {revoked.id} is revoked; the next request with it is refused.")


def _tokens(config: Path | None) -> tuple[Settings, TokenFile]:
    settings = load_settings(config)
    if settings.access is None:
        raise ConfigurationError(
            "access: the settings have no section [access], so the server would not ask for a token; add the line "
            "[access]"
        )
    return settings, TokenFile(settings.access.tokens_file)


def _projects(settings: Settings, named: Sequence[str]) -> list[str]:
    known = [*([DEFAULT_PROJECT] if settings.has_default_project else []), *settings.projects]
    wanted = [word.strip() for each in named for word in each.split(",") if word.strip()]
    if not wanted and settings.has_default_project:
        return [DEFAULT_PROJECT]
    if not wanted:
        raise ConfigurationError(f"--project: it is not given; there are {', '.join(known)}, or * for all")
    for each in wanted:
        if each != EVERY_PROJECT and each not in known:
            raise ConfigurationError(f"--project: there is no project {each}; there are {', '.join(known)}")
    return wanted


def _until(text: str | None, now: float) -> float | None:
    if text is None:
        return None
    if span := _SPAN.fullmatch(text):
        return now + int(span[1]) * _SECONDS[span[2]]
    try:
        until = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise ConfigurationError(
            "--expires: write a span such as 30d, 12h or 1y, or a date such as 2030-12-31"
        ) from None
    if until <= now:
        raise ConfigurationError("--expires: the date is over already")
    return until


def _date(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
