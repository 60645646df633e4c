"""The identity map: pseudonym → original.

    table.py        the protocol of its storage
      sqlite.py       a file in the state folder
      postgresql.py   a database, which replicas share
    schema.py       the tables of both, and their versions
    versions.py     rows of keys that the project no longer has

The map is a cache of the inverse of a keyed function: losing it costs only time. It contains originals. Nothing here
makes pseudonyms, or asks the origin server.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.translation.identity.sqlite import SQLiteTable
from dicomveil_proxy.translation.identity.table import IdentityTable

IDENTITY_FILE = "identity.sqlite"
"""The name of the file in the state folder."""


class Kind(Enum):
    """The kind of identifier that a pseudonym replaces."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"
    PATIENT = "patient"


Identity = tuple[Kind, str, str]
"""Kind, pseudonym, original."""


def ignore_warning(message: str) -> None:
    """Ignore a warning; the default for `warn`."""


class IdentityMap:
    """One project's map, thread-safe: recent entries are in memory, all of them in a table.

    `place` is the path of an SQLite file, or the URL of a PostgreSQL database; several processes may use it at the
    same time. `warn` is called, without values, when a damaged file was replaced. Raises StateUnavailable if the place
    cannot be used now, ConfigurationError if its setting is wrong.
    """

    def __init__(
        self,
        place: Path | str,
        *,
        project: str = "",
        recent_entries: int = 65_536,
        busy_seconds: float = 5.0,
        warn: Callable[[str], None] = ignore_warning,
    ) -> None:
        self._lock = threading.Lock()
        self._recent: OrderedDict[tuple[Kind, str], str] = OrderedDict()
        self._recent_entries = recent_entries
        self._table: IdentityTable
        if isinstance(place, str):
            from dicomveil_proxy.translation.identity.postgresql import PostgreSQLTable  # noqa: PLC0415 - few servers need it

            self._table = PostgreSQLTable(place, project)
        else:
            self._table = SQLiteTable(place, project, busy_seconds=busy_seconds, warn=warn)

    def record(self, identities: Iterable[Identity]) -> None:
        """Record identities in one write.

        Raises StateUnavailable if the table cannot be written; they are kept in this process's memory nevertheless.
        """
        last = {(kind, pseudonym): original for kind, pseudonym, original in identities}
        with self._lock:
            new = {asked: original for asked, original in last.items() if self._recent.get(asked) != original}
            for (kind, pseudonym), original in new.items():
                self._keep(kind, pseudonym, original)
        if new:
            self._table.write([(kind.value, pseudonym, original) for (kind, pseudonym), original in new.items()])

    def knows(self, identities: Iterable[Identity]) -> bool:
        """Whether all are in memory, so that none needs to be recorded; does no I/O."""
        with self._lock:
            return all(self._recent.get((kind, pseudonym)) == original for kind, pseudonym, original in identities)

    def recent(self, kind: Kind, pseudonym: str) -> str | None:
        """The original, if it is in memory; does no I/O."""
        with self._lock:
            original = self._recent.get((kind, pseudonym))
            if original is not None:
                self._recent.move_to_end((kind, pseudonym))
            return original

    def original(self, kind: Kind, pseudonym: str) -> str | None:
        """The original, or None if it is not in the map. Raises StateUnavailable if the table cannot be read."""
        if (original := self.recent(kind, pseudonym)) is not None:
            return original
        read = self._table.read(kind.value, pseudonym)
        with self._lock:
            original = self._recent.get((kind, pseudonym), read)  # recorded meanwhile, hence newer
            if original is not None:
                self._keep(kind, pseudonym, original)
        return original

    def forget(self, identities: Iterable[Identity]) -> None:
        """Remove outdated identities; entries that were corrected meanwhile are kept.

        Raises StateUnavailable if the table cannot be written; they are removed from memory nevertheless.
        """
        untrue = list(identities)
        with self._lock:
            for kind, pseudonym, original in untrue:
                if self._recent.get((kind, pseudonym)) == original:
                    del self._recent[kind, pseudonym]
        self._table.delete([(kind.value, pseudonym, original) for kind, pseudonym, original in untrue])

    def page(self, kind: Kind, after: str, count: int) -> list[Identity]:
        """The next `count` rows of a kind after a pseudonym, in the table's order. Raises StateUnavailable."""
        return [(kind, pseudonym, original) for _, pseudonym, original in self._table.page(kind.value, after, count)]

    def compact(self) -> None:
        """Erase removed rows from the storage, as far as it allows. Raises StateUnavailable."""
        self._table.compact()

    def close(self) -> None:
        """Close the storage; later look-ups of what is not in memory raise StateUnavailable."""
        self._table.close()

    def _keep(self, kind: Kind, pseudonym: str, original: str) -> None:
        self._recent[kind, pseudonym] = original
        self._recent.move_to_end((kind, pseudonym))
        if len(self._recent) > self._recent_entries:
            self._recent.popitem(last=False)


def open_identity_map(
    state: Path | str, *, project: str = "", warn: Callable[[str], None] = ignore_warning
) -> IdentityMap:
    """A project's identity map in the folder (created if missing) or database of the setting `state`.

    Raises ConfigurationError, whose message does not quote the setting.
    """
    if isinstance(state, str):
        try:
            return IdentityMap(state, project=project, warn=warn)
        except StateUnavailable as error:
            raise ConfigurationError(
                f"state: {error}; check that the database exists, that address and password are right, and that this "
                "user may create tables in it"
            ) from None
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return IdentityMap(state / IDENTITY_FILE, project=project, warn=warn)
    except (OSError, StateUnavailable):
        raise ConfigurationError("state: the folder cannot be created or written; name a writable one") from None
