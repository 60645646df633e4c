"""Detectors that a policy adds: word lists, regular expressions, and plug-ins.

Regular expressions are those of RE2, which takes linear time for any text; without the package google-re2, a policy
with one is refused. If a plug-in fails, or gives a span outside the text, the instance is refused, since less would be
protected than the policy asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from dicomveil_engine.errors import ConfigurationError, DeidentificationError
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.spelling import fold

DETECTORS_GROUP = "dicomveil.detectors"
"""Entry points: functions text → (start, end, infotype) of each finding, named under "detectors" in "text"."""
NER_GROUP = "dicomveil.ner"
"""Entry points of the same kind for texts of sentences only (ST, LT, UC, UT), named under "ner"."""

Spans = Callable[[str], Iterable[tuple[int, int, str]]]
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_TOKEN = re.compile(r"[^\W_]+")
_LONGEST_PATTERN = 1_000
_MOST_WORDS = 100_000


@dataclass(frozen=True)
class Added:
    """A detector of a policy; two with the same source are equal."""

    name: str
    """The infotype, or the name of a plug-in."""
    source: str = field(repr=False)
    """Everything on which its results depend."""
    spans: Spans = field(compare=False, repr=False)
    prose_only: bool = False

    def find(self, text: str, *, is_prose: bool) -> Iterator[Finding]:
        """The findings in a text. Raises DeidentificationError if a plug-in fails."""
        if self.prose_only and not is_prose:
            return
        try:
            found = [(int(start), int(end), str(infotype)) for start, end, infotype in self.spans(text)]
        except Exception as error:  # noqa: BLE001 - another package's code, whose message may quote the text
            raise DeidentificationError(f'the detector "{self.name}" failed with {type(error).__name__}') from None
        for start, end, infotype in found:
            if not 0 <= start <= end <= len(text) or not _NAME.fullmatch(infotype):
                raise DeidentificationError(f'the detector "{self.name}" gave a span that is not in the text')
            if start < end:
                yield Finding(start, end, named(infotype), Likelihood.LIKELY, f"the detector {self.name}")


def named(infotype: str) -> str:
    """The member of `Infotype` with this name, or the name."""
    return Infotype(infotype) if infotype in Infotype.__members__ else infotype


def checked_name(name: object, where: str) -> str:
    """Check the name of an infotype. Raises ConfigurationError."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(f"{where} must be a name of capitals, digits and underscores, such as STUDY_CODE")
    return name


def of_words(name: str, words: list[str], where: str) -> Added:
    """A detector of words and phrases, in any case, as whole words only."""
    phrases = {tuple(_TOKEN.findall(fold(word))) for word in words} - {()}
    if not phrases or len(phrases) > _MOST_WORDS:
        raise ConfigurationError(f"{where} must have between 1 and {_MOST_WORDS} words with letters or digits")
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for phrase in sorted(phrases, key=len, reverse=True):
        by_first.setdefault(phrase[0], []).append(phrase)

    def spans(text: str) -> Iterator[tuple[int, int, str]]:
        tokens = [(match.start(), match.end(), fold(match[0])) for match in _TOKEN.finditer(text)]
        for index, (start, _, first) in enumerate(tokens):
            for phrase in by_first.get(first, ()):
                behind = tokens[index : index + len(phrase)]
                if tuple(token for _, _, token in behind) == phrase:
                    yield start, behind[-1][1], name
                    break

    return Added(name, repr(sorted(phrases)), spans)


def of_pattern(name: str, pattern: str, groups: list[int], where: str) -> Added:
    """A detector by a regular expression; its findings are the groups of matches, or without groups whole matches."""
    if not pattern or len(pattern) > _LONGEST_PATTERN:
        raise ConfigurationError(f"{where} must be a regular expression of 1 to {_LONGEST_PATTERN} characters")
    compiled = _compiled(pattern, where)
    if any(group < 0 or group > compiled.groups for group in groups):
        raise ConfigurationError(f"{where} has no group of that number")

    def spans(text: str) -> Iterator[tuple[int, int, str]]:
        for match in compiled.finditer(text):
            for group in groups or [0]:
                if match.start(group) >= 0:
                    yield match.start(group), match.end(group), name

    return Added(name, f"{pattern}\0{groups}", spans)


def _compiled(pattern: str, where: str) -> Any:
    try:
        import re2  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415 - few policies need it
    except ImportError:
        raise ConfigurationError(
            f"{where} needs the package google-re2, whose expressions take linear time; install dicomveil-engine[regex]"
        ) from None
    try:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = 8 << 20
        return re2.compile(pattern, options)
    except Exception:  # noqa: BLE001 - its message holds the pattern
        raise ConfigurationError(
            f"{where} is not a regular expression of RE2 (it has no references back and no looking around)"
        ) from None


def plug_in(group: str, name: str) -> Added:
    """The detector of an installed plug-in. Raises ConfigurationError if there is none, or it cannot be loaded."""
    points = [point for point in entry_points(group=group) if point.name == name]
    if len(points) != 1:
        installed = ", ".join(sorted(point.name for point in entry_points(group=group))) or "none"
        raise ConfigurationError(f'no plug-in of {group} has the name "{name}" (installed: {installed})')
    try:
        spans = points[0].load()
    except Exception as error:  # noqa: BLE001 - another package's module may raise anything
        raise ConfigurationError(f'the plug-in "{name}" of {group} cannot be loaded: {type(error).__name__}') from None
    if not callable(spans):
        raise ConfigurationError(f'the plug-in "{name}" of {group} must be a function of a text')
    version = points[0].dist.version if points[0].dist is not None else ""
    return Added(name, f"{group}\0{points[0].value}\0{version}", spans, prose_only=group == NER_GROUP)
