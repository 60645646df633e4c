"""Everything that the walker needs of a policy for one encoding, compiled once and shared by all instances."""

from __future__ import annotations

from functools import lru_cache

from dicomveil_engine.bounded_cache import cached
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.content_item import read_concept_name
from dicomveil_engine.part10.encoding import Encoding
from dicomveil_engine.part10.new_uids import NewIdentities, NewUIDs
from dicomveil_engine.part10.reading import ReadingCache
from dicomveil_engine.part10.repeats import Repeats
from dicomveil_engine.part10.resolution import Resolver
from dicomveil_engine.part10.table import NO_BOUNDARY, DecisionTable, Entry
from dicomveil_engine.rewriting.decisions import Decisions
from dicomveil_engine.rewriting.deidentification_attributes import DATES_MODIFIED, METHOD_CODES
from dicomveil_engine.structured_content.content_items import REFERENCED_ITEM, ContentPlan

_RESOLVERS_CACHED = 64
_PLANS_CACHED = 256
_NAMES_CACHED = 4_096


class Tables:
    """Decision tables for the top level and for items, and the de-identification attributes in this encoding."""

    def __init__(self, policy: Decisions, encoding: Encoding) -> None:
        self.encoding = encoding
        self._policy = policy
        self.nested = DecisionTable(policy, encoding, top=False)
        boundaries = [METHOD_CODES, DATES_MODIFIED] if policy.claims else []
        self.top = [DecisionTable(policy, encoding, top=True, until=until) for until in (*boundaries, NO_BOUNDARY)]
        """The tables of the top level, by stage; between stages, de-identification attributes are written."""
        self.claims: list[tuple[int, bytes]] = []
        self.method_codes: list[tuple[bytes, bytes]] = []
        """Code value → its item."""
        if policy.claims:
            self.claims = [(field.tag, encoding.encode_field(field)) for field in policy.claims.fields()]
            self.method_codes = [
                (term.value.encode(), encoding.encode_items((item,)))
                for term, item in zip(
                    policy.claims.terms,
                    policy.claims.code_items(),
                    strict=True,
                )
            ]
        self.repeats = Repeats()
        self.readings = ReadingCache(policy)
        self.content_table = lru_cache(_PLANS_CACHED)(self._content_table)
        """Plan of a content item → the table for the elements in it."""
        self.content_plan = cached(_NAMES_CACHED)(self._content_plan)
        """(concept name, value type, encoding, codecs) → plan, from encoded values."""
        self.reference = Entry(kinds.REFERENCE, REFERENCED_ITEM, "UL", b"", 8, self.nested)
        self.new_uids = NewUIDs(policy)
        self.new_identities = NewIdentities(policy, self.new_uids)
        self.resolver = lru_cache(_RESOLVERS_CACHED)(Resolver)
        """`Known` → the resolver of pending elements."""

    @classmethod
    def of(cls, policy: Decisions, encoding: Encoding) -> Tables:
        """The policy's tables, made at the first call."""
        tables = policy.compiled.get(encoding.name)
        if not isinstance(tables, cls):
            tables = policy.compiled[encoding.name] = cls(policy, encoding)
        return tables

    def _content_table(self, plan: ContentPlan) -> DecisionTable:
        return DecisionTable(self._policy, self.encoding, top=False, plan=plan)

    def _content_plan(
        self, concept: bytes, value_type: bytes, encoding: Encoding, codecs: tuple[str, ...]
    ) -> ContentPlan:
        content = self._policy.structured_content
        assert content is not None, "the profile uses cleanContent only with the option"
        return content.plan(read_concept_name(concept, encoding, codecs), value_type.decode("latin-1"))
