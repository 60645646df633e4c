"""Which original a pseudonym stands for, as far as it is known.

    table.py        what is asked of the place where it is kept
      sqlite.py       a file in the state folder
      postgresql.py   a database, which replicas share
    schema.py       the tables of both, and their versions
    versions.py     rows of keys that the project no longer has

The map is a cache of the inverse of a keyed function. It can be lost, and nothing is lost with it but time. It holds
originals. Nothing here knows how a pseudonym is made, or asks the origin server.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.translation.identity.postgresql import PostgreSQLTable
from dicomveil_proxy.translation.identity.sqlite import SQLiteTable
from dicomveil_proxy.translation.identity.table import IdentityTable

IDENTITY_FILE = "identity.sqlite"
"""In the state folder."""


class Kind(Enum):
    """What a pseudonym is of."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"
    PATIENT = "patient"


Identity = tuple[Kind, str, str]
"""Kind, pseudonym, original."""


def ignore_warning(message: str) -> None:
    """Take a warning that nobody asked for."""


class IdentityMap:
    """pseudonym → original, of one project, for any thread: the recent ones in memory, all of them in a table.

    `place` is the path of an SQLite file, or the URL of a PostgreSQL database, which several processes may use at the
    same time. `warn` is called, without values, for a broken file made anew. Raises StateUnavailable when the place
    cannot be used now, ConfigurationError when it never could.
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
            self._table = PostgreSQLTable(place, project)
        else:
            self._table = SQLiteTable(place, project, busy_seconds=busy_seconds, warn=warn)

    def record(self, identities: Iterable[Identity]) -> None:
        """Keep what pseudonyms stand for, in one write.

        Raises StateUnavailable when the table cannot be written; this process then keeps it in memory all the same.
        """
        last = {(kind, pseudonym): original for kind, pseudonym, original in identities}
        with self._lock:
            new = {asked: original for asked, original in last.items() if self._recent.get(asked) != original}
            for (kind, pseudonym), original in new.items():
                self._keep(kind, pseudonym, original)
        if new:
            self._table.write([(kind.value, pseudonym, original) for (kind, pseudonym), original in new.items()])

    def knows(self, identities: Iterable[Identity]) -> bool:
        """Whether all are in memory, so that nothing is to be written; never waits for a disk or a network."""
        with self._lock:
            return all(self._recent.get((kind, pseudonym)) == original for kind, pseudonym, original in identities)

    def recent(self, kind: Kind, pseudonym: str) -> str | None:
        """The original, if it is in memory; never waits for a disk or a network."""
        with self._lock:
            original = self._recent.get((kind, pseudonym))
            if original is not None:
                self._recent.move_to_end((kind, pseudonym))
            return original

    def original(self, kind: Kind, pseudonym: str) -> str | None:
        """The original, or None where it is not in the map; raise StateUnavailable when that is unknown."""
        if (original := self.recent(kind, pseudonym)) is not None:
            return original
        read = self._table.read(kind.value, pseudonym)
        with self._lock:
            original = self._recent.get((kind, pseudonym), read)  # what was learnt meanwhile is newer
            if original is not None:
                self._keep(kind, pseudonym, original)
        return original

    def forget(self, identities: Iterable[Identity]) -> None:
        """Take back what turned out to be so no longer; whatever is said otherwise by now stays.

        Raises StateUnavailable when the table cannot be written; this process then forgets all the same.
        """
        untrue = list(identities)
        with self._lock:
            for kind, pseudonym, original in untrue:
                if self._recent.get((kind, pseudonym)) == original:
                    del self._recent[kind, pseudonym]
        self._table.delete([(kind.value, pseudonym, original) for kind, pseudonym, original in untrue])

    def page(self, kind: Kind, after: str, count: int) -> list[Identity]:
        """So many rows of a kind, of pseudonyms that follow one in the table's order. Raises StateUnavailable."""
        return [(kind, pseudonym, original) for _, pseudonym, original in self._table.page(kind.value, after, count)]

    def compact(self) -> None:
        """Let the place keep nothing of what was forgotten, as far as that is ours. Raises StateUnavailable."""
        self._table.compact()

    def close(self) -> None:
        """Close the place; what is asked afterwards, and not in memory, raises StateUnavailable."""
        self._table.close()

    def _keep(self, kind: Kind, pseudonym: str, original: str) -> None:
        self._recent[kind, pseudonym] = original
        self._recent.move_to_end((kind, pseudonym))
        if len(self._recent) > self._recent_entries:
            self._recent.popitem(last=False)


def open_identity_map(
    state: Path | str, *, project: str = "", warn: Callable[[str], None] = ignore_warning
) -> IdentityMap:
    """The identity map of a project in the place that the setting `state` names: a folder, which is made if it is
    missing, or a database.

    Raises ConfigurationError, without any of the setting's value.
    """
    if isinstance(state, str):
        try:
            return IdentityMap(state, project=project, warn=warn)
        except StateUnavailable as error:
            raise ConfigurationError(
                f"state: {error}; see that the database is there, that address and "
                "password are right, and that this user may make tables in it"
            ) from None
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return IdentityMap(state / IDENTITY_FILE, project=project, warn=warn)
    except (OSError, StateUnavailable):
        raise ConfigurationError("state: the folder cannot be made or written; name one that can") from None
