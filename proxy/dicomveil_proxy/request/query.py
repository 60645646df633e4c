"""The query of a search (QIDO-RS, PS3.18 Sections 8.3.4 and 10.6), and whether a data set matches it.

Matching is on de-identified attributes in DICOM JSON; the origin server's query is built in `transactions/superset`.
No message and no `repr` contains a value of the query, which may be a patient's name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from dicomveil_engine.attributes.dictionary import keyword_of, tag_of, vr_of
from dicomveil_proxy.errors import BadRequest
from dicomveil_proxy.request.matching import combined_range, is_universal, matcher

MAXIMUM_RESULTS = 10_000
"""The most results of one response; the user agent requests more with `offset`."""

MAXIMUM_KEYS = 256
"""The most matching keys, and the most included attributes, of one search."""

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_COUNT = re.compile(r"[0-9]{1,9}")
_SWITCHES = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching")
_NOT_DONE = (
    "The fuzzymatching parameter is not supported. Only literal matching has been performed.",
    "The emptyvaluematching parameter is not supported. Empty Value Matching has not been performed.",
    "The multiplevaluematching parameter is not supported. Multiple Value Matching has not been performed.",
)
"""Warnings of PS3.18 Sections 8.3.4.2, 8.3.4.5 and 8.3.4.6: the search is performed without these options."""
_NOT_OF_THE_SEARCH = frozenset(("accept", "charset"))
"""Parameters of content negotiation (PS3.18 Section 8.3.3)."""


class Level(Enum):
    """The level of a search's results."""

    STUDIES = "studies"
    SERIES = "series"
    INSTANCES = "instances"


DEFAULT_ATTRIBUTES: Mapping[Level, frozenset[int]] = {
    # PS3.18 Table 10.6.3-3
    Level.STUDIES: frozenset(
        (
            *(0x00080005, 0x00080020, 0x00080030, 0x00080050, 0x00080056, 0x00080061, 0x00080090),
            *(0x00080201, 0x00081190, 0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x0020000D),
            *(0x00200010, 0x00201206, 0x00201208),
        )
    ),
    # PS3.18 Table 10.6.3-4
    Level.SERIES: frozenset(
        (
            *(0x00080005, 0x00080060, 0x00080201, 0x0008103E, 0x00081190, 0x0020000E, 0x00200011),
            *(0x00201209, 0x00400244, 0x00400245, 0x00400275),
        )
    ),
    # PS3.18 Table 10.6.3-5
    Level.INSTANCES: frozenset(
        (
            *(0x00080005, 0x00080016, 0x00080018, 0x00080056, 0x00080201, 0x00081190, 0x00200013),
            *(0x00280008, 0x00280010, 0x00280011, 0x00280100),
        )
    ),
}
"""Attributes that results have without being requested."""


@dataclass(frozen=True, slots=True)
class MatchingKey:
    """An attribute and the value that it must match."""

    path: tuple[int, ...]
    """Tags, 0xGGGGEEEE: those of the sequences around the attribute, outermost first, then its own."""
    vr: str
    """The VR in the dictionary; UN for a private or unknown attribute."""
    value: str = field(repr=False)
    """The value in the request."""

    @property
    def is_universal(self) -> bool:
        """Whether it matches everything, and only requests the attribute."""
        return is_universal(self.value)


@dataclass(frozen=True, slots=True)
class Condition:
    """A test that a match must pass, in the data set itself or in one item of a sequence."""

    sequences: tuple[int, ...]
    """Tags of the sequences around the item, outermost first; empty for the data set itself."""
    test: Callable[[Mapping[str, object]], bool] = field(repr=False)
    """The test of the data set or item."""


@dataclass(frozen=True, slots=True)
class Query:
    """One search."""

    level: Level
    keys: tuple[MatchingKey, ...] = ()
    include: tuple[int, ...] = ()
    """Further requested attributes, in the order of the request."""
    include_all: bool = False
    """`includefield=all`."""
    limit: int = MAXIMUM_RESULTS
    offset: int = 0
    is_capped: bool = False
    """Whether the limit is MAXIMUM_RESULTS, not the user agent's."""
    not_done: tuple[str, ...] = ()
    """Warnings about requested options that are not supported."""
    conditions: tuple[Condition, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "conditions", tuple(_conditions(self.keys)))

    @classmethod
    def parse(cls, level: Level, parameters: Iterable[tuple[str, str]], maximum: int = MAXIMUM_RESULTS) -> Query:
        """Read query parameters, which are percent-decoded and in their order.

        Raises BadRequest for unknown attributes and invalid values. An unknown attribute in `includefield` is ignored,
        since its absence from the response is not misleading.
        """
        keys: list[MatchingKey] = []
        include: dict[int, None] = {}
        include_all = False
        single: dict[str, str] = {}
        for number, (name, value) in enumerate(parameters, 1):
            if name == "includefield":
                for attribute in value.split(","):
                    include_all |= attribute.strip() == "all"
                    if path := _path_of(attribute.strip()):
                        include[path[0]] = None
            elif name in ("limit", "offset") or name in _SWITCHES:
                if name in single:
                    raise BadRequest(f"the parameter {name} is given twice")
                single[name] = value.strip()
            elif name not in _NOT_OF_THE_SEARCH:
                keys.append(_matching_key(number, name, value))
        if max(len(keys), len(include)) > MAXIMUM_KEYS:
            raise BadRequest(f"a search may name at most {MAXIMUM_KEYS} attributes")
        asked_for = [_switch(name, single.get(name, "false")) for name in _SWITCHES]
        limit = _count("limit", single.get("limit", str(maximum + 1)))
        return cls(
            level,
            tuple(keys),
            tuple(include),
            include_all,
            min(limit, maximum),
            _count("offset", single.get("offset", "0")),
            limit > maximum,
            tuple(text for text, asked in zip(_NOT_DONE, asked_for, strict=True) if asked),
        )

    def without(self, keys: frozenset[str]) -> Query:
        """The query without the keys for these attributes (GGGGEEEE), or for attributes in these sequences."""
        if not keys:
            return self
        return replace(self, keys=tuple(key for key in self.keys if f"{key.path[0]:08X}" not in keys))


def matches(dataset: Mapping[str, object], query: Query) -> bool:
    """Whether a data set in DICOM JSON matches every key.

    An attribute with several values matches by any of them. Keys within a sequence must match in the same item
    (PS3.4 Section C.2.2.2.6). An absent or empty attribute matches universal keys only.
    """
    return not query.conditions or _has(dataset, query.conditions, 0)


def requested_tags(query: Query, *, from_level: Level | None = None) -> set[int]:
    """The tags of the attributes in the response, apart from `include_all`.

    `from_level` adds the default attributes of higher levels, down from that one, as for a search without a study or
    series in the path (PS3.18 Sections 10.6.3.3.2 and 10.6.3.3.3).
    """
    levels = list(Level)
    first = levels.index(from_level or query.level)
    tags = {key.path[0] for key in query.keys} | set(query.include)
    return tags.union(*(DEFAULT_ATTRIBUTES[each] for each in levels[first : levels.index(query.level) + 1]))


def _has(dataset: Mapping[str, object], conditions: Sequence[Condition], depth: int) -> bool:
    nested: defaultdict[int, list[Condition]] = defaultdict(list)
    for condition in conditions:
        if len(condition.sequences) > depth:
            nested[condition.sequences[depth]].append(condition)
        elif not condition.test(dataset):
            return False
    return all(
        any(isinstance(item, dict) and _has(item, group, depth + 1) for item in _values(dataset, tag))
        for tag, group in nested.items()
    )


def _conditions(keys: Sequence[MatchingKey]) -> Iterable[Condition]:
    """The conditions of the keys that are not universal; ranges of a date and its time are combined."""
    remaining = {key: None for key in keys if not key.is_universal}
    for key in [*remaining]:
        pair = next((other for other in remaining if other.path == _time_of(key)), None) if key in remaining else None
        if pair is not None and (both := combined_range(key.value, pair.value)):
            del remaining[key], remaining[pair]
            yield Condition(key.path[:-1], _combined(key.path[-1], pair.path[-1], both))
    for key in remaining:
        yield Condition(key.path[:-1], _single(key.path[-1], _test_of(key)))


def _test_of(key: MatchingKey) -> Callable[[object], bool]:
    """The predicate of a key. Raises BadRequest, which names the attribute if the standard has it."""
    try:
        return matcher(key.vr, key.value)
    except BadRequest as error:
        keyword = keyword_of(key.path[-1])
        raise BadRequest(f"{keyword}: {error}" if keyword else str(error)) from None


def _time_of(key: MatchingKey) -> tuple[int, ...]:
    """The path of the TM attribute of a DA attribute, by keyword: StudyTime for StudyDate; empty if there is none."""
    keyword = keyword_of(key.path[-1])
    tag = tag_of(f"{keyword[:-4]}Time") if key.vr == "DA" and keyword.endswith("Date") else None
    return (*key.path[:-1], tag) if tag and vr_of(tag) == "TM" else ()


def _single(tag: int, test: Callable[[object], bool]) -> Callable[[Mapping[str, object]], bool]:
    return lambda item: any(test(value) for value in _values(item, tag))


def _combined(day: int, time: int, test: Callable[[object, object], bool]) -> Callable[[Mapping[str, object]], bool]:
    return lambda item: any(test(*each) for each in zip(_values(item, day), _values(item, time), strict=False))


def _values(dataset: Mapping[str, object], tag: int) -> list[object]:
    """The values of an attribute without null, which is an empty one among several (PS3.18 Section F.2.5)."""
    element = dataset.get(f"{tag:08X}")
    values = element.get("Value") if isinstance(element, dict) else None
    return [value for value in values if value is not None] if isinstance(values, list) else []


def _matching_key(number: int, name: str, value: str) -> MatchingKey:
    path = _path_of(name)
    if not path:
        # Not its name: people type names of patients into the wrong field.
        raise BadRequest(f"parameter {number} of the query is neither a known attribute nor a known option")
    for tag in path[:-1]:
        if vr_of(tag) not in ("SQ", None):
            raise BadRequest(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword_of(tag)} is not a sequence")
    return MatchingKey(path, vr_of(path[-1]) or "UN", value)


def _path_of(name: str) -> tuple[int, ...]:
    """The tags of a keyword, GGGGEEEE, (GGGG,EEEE), or several of them separated by dots; empty if unknown."""
    tags: list[int] = []
    for step in name.split("."):
        plain = step.removeprefix("(").removesuffix(")").replace(",", "")
        tag = int(plain, 16) if _TAG.fullmatch(plain) else tag_of(step)
        if tag is None:
            return ()
        tags.append(tag)
    return tuple(tags)


def _count(name: str, text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise BadRequest(f"the parameter {name} must be a number from 0 to 999999999")
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise BadRequest(f"the parameter {name} must be true or false")
    return text == "true"


def name_of(tag: int) -> str:
    """An attribute's name in a query: its keyword, or GGGGEEEE."""
    return keyword_of(tag) or f"{tag:08X}"
