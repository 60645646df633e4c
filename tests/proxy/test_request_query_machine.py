"""Searches as a state machine: a query grows key by key, in all forms of its grammar, beside the naive model."""

from __future__ import annotations

from random import Random
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from dicomveil_engine import load_policy
from dicomveil_engine.attributes.dictionary import tag_of
from dicomveil_proxy.errors import BadRequest
from dicomveil_proxy.request.query import Level, Query, matches
from proxy.fakes import KEY
from proxy.search_model import KEYS, PROFILE, Attributes, archive, is_match, outside, values, wanted

POLICY = load_policy(PROFILE, KEY)
ARCHIVES = [outside(archive(Random(seed), 4), POLICY) for seed in range(4)]
BROKEN = (
    "limit=-1",
    "offset=1.5",
    "limit=1&limit=2",
    "Patient=1",
    "fuzzymatching=yes",
    "StudyDate=2020x",
    "%FF%FE=1&x",
)


class Searching(RuleBasedStateMachine):
    """A query at one level of one archive."""

    most_keys: ClassVar[int] = 4

    @initialize(number=st.integers(0, len(ARCHIVES) - 1), level=st.sampled_from(Level))
    def begin(self, number: int, level: Level) -> None:
        """Without keys."""
        self.level = level
        self.everything: list[Attributes] = ARCHIVES[number][level]
        self.keys: dict[str, str] = {}
        self.paging: dict[str, str] = {}

    @precondition(lambda self: len(self.keys) < self.most_keys)
    @rule(data=st.data(), seed=st.integers(0, 1 << 16))
    def ask_for(self, data: st.DataObject, seed: int) -> None:
        """A key, in one of the forms that its VR has."""
        name = data.draw(st.sampled_from(KEYS[self.level]))
        seen = sorted({value for x in self.everything for value in values(x, name)})
        self.keys[name] = wanted(Random(seed), name, seen)

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        """One of the keys."""
        del self.keys[data.draw(st.sampled_from(sorted(self.keys)))]

    @rule(limit=st.integers(0, 5), offset=st.integers(0, 5))
    def page(self, limit: int, offset: int) -> None:
        """Part of the results."""
        self.paging = {"limit": str(limit), "offset": str(offset)}

    @rule(by_tag=st.booleans())
    def search(self, by_tag: bool) -> None:
        """What matches is what the model says, however the attributes are named."""
        named = {self._name(key) if by_tag else key: value for key, value in self.keys.items()}
        text = urlencode(named | self.paging)
        query = Query.parse(self.level, parse_qsl(text, keep_blank_values=True))
        found = [x for x in self.everything if matches(x, query)]

        assert found == [x for x in self.everything if is_match(x, self.keys)], self.keys
        assert (query.limit, query.offset) == (
            int(self.paging.get("limit", query.limit)),
            int(self.paging.get("offset", 0)),
        )

    @rule(broken=st.sampled_from(BROKEN))
    def ask_wrongly(self, broken: str) -> None:
        """What is not legal is refused, without a word of it."""
        text = "&".join((urlencode(self.keys), broken))
        with pytest.raises(BadRequest) as caught:
            Query.parse(self.level, parse_qsl(text, keep_blank_values=True))
        assert "2020x" not in str(caught.value)

    def _name(self, key: str) -> str:
        return ".".join(f"{tag_of(step):08X}" for step in key.split("."))


TestSearching = Searching.TestCase
TestSearching.settings = settings(max_examples=max(5, settings().max_examples // 2), stateful_step_count=20)
