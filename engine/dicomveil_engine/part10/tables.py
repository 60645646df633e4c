"""All that the walker needs of a policy for one encoding, made once and shared by all instances."""

from __future__ import annotations

from functools import lru_cache

from dicomveil_engine import characters
from dicomveil_engine.marks import DATES_MODIFIED, METHOD_CODES
from dicomveil_engine.methods.refresh_uid import pseudonym_of
from dicomveil_engine.part10.encoding import Encoding
from dicomveil_engine.part10.resolution import Resolver
from dicomveil_engine.part10.table import NO_BOUNDARY, DecisionTable
from dicomveil_engine.policy import Policy

_UIDS_REMEMBERED = 65_536
_RESOLVERS_REMEMBERED = 64


class Tables:
    """Decision tables for the top level and for items, and the marks in this encoding."""

    def __init__(self, policy: Policy, encoding: Encoding) -> None:
        self.encoding = encoding
        self.nested = DecisionTable(policy, encoding, top=False)
        boundaries = [METHOD_CODES, DATES_MODIFIED] if policy.marks else []
        self.top = [DecisionTable(policy, encoding, top=True, until=until) for until in (*boundaries, NO_BOUNDARY)]
        """One table after the other: behind each but the last, marks are written."""
        self.marks: list[tuple[int, bytes]] = []
        self.mark_codes: list[tuple[bytes, bytes]] = []
        """Code value → its item."""
        if policy.marks:
            self.marks = [(mark.tag, encoding.encode_field(mark)) for mark in policy.marks.fields()]
            self.mark_codes = [
                (term.value.encode(), encoding.encode_items((item,)))
                for term, item in zip(policy.marks.terms, policy.marks.code_items(), strict=True)
            ]
        self._pseudonyms = policy.uids
        self.uid_element = lru_cache(_UIDS_REMEMBERED)(self._uid_element)
        """(encoding, element key, value) → the whole element with each UID's pseudonym; None if nothing changes."""
        self.resolver = lru_cache(_RESOLVERS_REMEMBERED)(Resolver)

    @classmethod
    def of(cls, policy: Policy, encoding: Encoding) -> Tables:
        """The policy's tables, made at the first call."""
        tables = policy.compiled.get(encoding.name)
        if not isinstance(tables, cls):
            tables = policy.compiled[encoding.name] = cls(policy, encoding)
        return tables

    def _uid_element(self, encoding: Encoding, key: bytes, value: bytes) -> bytes | None:
        originals = [uid.strip(" \0") for uid in value.decode("latin-1").split("\\")]
        pseudonyms = [pseudonym_of(uid, self._pseudonyms) for uid in originals]
        if pseudonyms == originals:
            return None
        new = characters.encode("\\".join(pseudonyms), ("latin-1",))
        new += b"\0" if len(new) % 2 else b""
        return encoding.element_head(key, len(new)) + new
