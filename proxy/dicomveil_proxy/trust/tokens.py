"""Static tokens: made by `dicomveil token new`, kept in a file as SHA-256, and looked up by the server.

A token has 256 random bits, so that a plain hash suffices. The file is replaced as a whole, and read again when it has
changed. If it cannot be read, or others may write to it, no token is valid.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from hmac import compare_digest
from pathlib import Path

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings.rights import granted
from dicomveil_proxy.trust.subject import Kind, Subject

PREFIX = "dicomveil"
"""Makes tokens recognisable to people, and to scanners for leaked secrets."""
_TOKEN = re.compile(rf"{PREFIX}_([0-9a-f]{{12}})_([A-Za-z0-9_-]{{43}})")
_NAME = re.compile(r"[\w.@+ -]{1,64}")
_NO_DIGEST = "0" * 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Token:
    """The record of a token in the file, from which the token itself cannot be derived."""

    id: str
    """The public part of the token."""
    sha256: str
    """The SHA-256 of the whole token, in hexadecimal digits."""
    name: str
    projects: tuple[str, ...]
    can: tuple[str, ...]
    created: int
    """Seconds since 1970, like the other times."""
    expires: int | None = None
    revoked: int | None = None

    def state(self, now: float) -> str:
        """The state in one word: valid, expired or revoked."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "valid"

    def subject(self) -> Subject:
        """The subject that the token authenticates."""
        return Subject(Kind.TOKEN, self.name or self.id, granted(self.projects, self.can))


class TokenFile:
    """The file with a server's tokens."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._tokens: dict[str, tuple[Token, Subject]] = {}

    def find(self, presented: str, now: float) -> Subject | None:
        """The holder of a valid token; None for anything else."""
        self._refresh()
        match = _TOKEN.fullmatch(presented)
        token, subject = self._tokens.get(match[1], (None, None)) if match else (None, None)
        digest = hashlib.sha256(presented.encode()).hexdigest()
        if not compare_digest(token.sha256 if token else _NO_DIGEST, digest) or token is None:
            return None
        return subject if token.state(now) == "valid" else None

    def all(self) -> tuple[Token, ...]:
        """All tokens, the oldest first; empty without a file. Raises ConfigurationError."""
        return _read(self._path)

    def new(
        self, projects: Sequence[str], can: Sequence[str], *, name: str, now: float, expires: float | None
    ) -> tuple[str, Token]:
        """Create a token and add its record to the file. The token itself is returned only here.

        Raises ConfigurationError.
        """
        if name and not _NAME.fullmatch(name):
            raise ConfigurationError("--name: letters, digits, spaces and . @ + - _ only, 64 at most")
        if not projects or not can:
            raise ConfigurationError("a token needs at least one project and one right")
        try:
            granted(projects, can)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        public = secrets.token_hex(6)
        secret = f"{PREFIX}_{public}_{secrets.token_urlsafe(32)}"
        digest = hashlib.sha256(secret.encode()).hexdigest()
        until = None if expires is None else int(expires)
        token = Token(public, digest, name, tuple(projects), tuple(can), int(now), until)
        with _locked(self._path):
            tokens = _read(self._path)
            if name and any(each.name == name and each.state(now) == "valid" for each in tokens):
                raise ConfigurationError("--name: a valid token has this name already; revoke it, or choose another")
            _write(self._path, (*tokens, token))
        return secret, token

    def revoke(self, which: str, *, now: float) -> Token:
        """Make a token invalid, by its ID or name, or by the token itself. Raises ConfigurationError."""
        match = _TOKEN.fullmatch(which)
        wanted = match[1] if match else which
        with _locked(self._path):
            tokens = _read(self._path)
            found = [each for each in tokens if each.id == wanted]
            found = found or [each for each in tokens if each.name == wanted and each.revoked is None]
            if not found:
                raise ConfigurationError("there is no such token; `dicomveil token list` shows them")
            revoked = replace(found[-1], revoked=int(now))
            _write(self._path, tuple(revoked if each.id == revoked.id else each for each in tokens))
        return revoked

    def _refresh(self) -> None:
        """Read the file again if it has changed; costs one stat for each request, some 2 µs."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            seen = None
        if seen == self._seen:
            return
        self._tokens = {}
        try:
            if seen is not None:
                self._tokens = {each.id: (each, each.subject()) for each in _read(self._path)}
            self._seen = seen
        except ConfigurationError as error:
            self._seen = seen  # so that the error is logged once, not for each request
            _log.critical("no token is valid: %s", error)


def _read(path: Path) -> tuple[Token, ...]:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigurationError(f"access.tokens: the file cannot be read ({error.strerror})") from None
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationError("access.tokens: others may write the file, and so make tokens; give it mode 0600")
    try:
        tokens = tuple(_token(each) for each in json.loads(content)["tokens"])
        for token in tokens:
            token.subject()
    except (ValueError, TypeError, KeyError):
        raise ConfigurationError("access.tokens: the file is not one that `dicomveil token new` has written") from None
    return tokens


def _token(stored: dict[str, object]) -> Token:
    """The token of a record. Raises TypeError, ValueError and KeyError."""
    projects, can = stored["projects"], stored["can"]
    if not isinstance(projects, list) or not isinstance(can, list):
        raise TypeError
    token = Token(**(stored | {"projects": tuple(projects), "can": tuple(can)}))  # type: ignore[arg-type]
    texts = (token.id, token.sha256, token.name, *token.projects, *token.can)
    if not all(isinstance(each, str) for each in texts) or len(token.sha256) != len(_NO_DIGEST):
        raise TypeError
    if not all(each is None or type(each) is int for each in (token.created, token.expires, token.revoked)):
        raise TypeError
    return token


def _write(path: Path, tokens: Sequence[Token]) -> None:
    """Replace the file atomically."""
    text = json.dumps({"version": 1, "tokens": [asdict(each) for each in tokens]}, indent=1) + "\n"
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"access.tokens: the file cannot be written ({error.strerror})") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock the file against other writers. Raises ConfigurationError."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigurationError(f"access.tokens: its folder cannot be opened ({error.strerror})") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
