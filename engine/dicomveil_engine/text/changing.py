"""A text while its findings are changed: each replacement is hidden behind a sign, so that it is not searched again.

A sign is a private-use character (Unicode, Supplementary Private Use Area-A). Such characters in the original text are
removed, since they could be taken for signs.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.pseudonyms.keys import keyed_digest
from dicomveil_engine.text.changes import OWN_VALUE, REMOVE, Change, Changes, Undone, Way
from dicomveil_engine.text.cleaning import replace, resolve
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.settings import TextSettings
from dicomveil_engine.text.written_dates import moved

PROSE_VRS = frozenset(("ST", "LT", "UC", "UT"))
"""VRs of sentences; LO and SH are labels."""
_LONGEST = {"AE": 16, "SH": 16, "LO": 64, "PN": 64, "ST": 1_024, "LT": 10_240}
"""Characters of a value (PS3.5 Table 6.2-1), for PN of one component group."""
_FIRST_SIGN = 0xF0000
_SIGNS = re.compile("[\U000f0000-\U000ffffd]")
_MOST_SIGNS = 0xFFF0
_TOKEN = re.compile(r"\[([A-Z][A-Z0-9_]{0,63})\]")
_HASHED = re.compile(
    r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{43}(?:=|(?![A-Za-z0-9+/]))|(?<![A-Za-z0-9+/=#])#[A-Za-z0-9]{10}(?![A-Za-z0-9])"
)
"""The form of a hash, whole and shortened."""
_ENCRYPTED = re.compile(r"(?<![A-Za-z0-9+/=])(?:[A-Za-z0-9+/]{4}){10,}(?:[A-Za-z0-9+/]{2,3}={0,2})?(?![A-Za-z0-9+/=])")
_SHORT_HASH = 10
_WITHIN_NAME = re.compile(r"[ ,^]{1,2}")
_US_ORDER = "US"


class Place(NamedTuple):
    """The origin of a text, as far as cleaning depends on it."""

    tag: int = 0
    is_prose: bool = True
    vr: str = "UT"
    days: tuple[int | None, ...] = ()
    """The days of each of the policy's date shifts; None if the instance lacks the UID to derive it."""
    was_deidentified: bool = False
    """Whether the project has de-identified it before, so that its replacements are kept."""
    study: str = ""
    """The original StudyInstanceUID, if a change depends on it."""


ANYWHERE = Place()


class Changing:
    """The changes to one text."""

    def __init__(self, settings: TextSettings, place: Place, *, removes: bool = False) -> None:
        """`removes`: findings that are not kept are removed instead of replaced."""
        self._settings = settings
        self._place = place
        self._removes = removes
        self._longest: int | None = None
        self._put_in: list[tuple[str, str]] = []
        """For each sign: the text, and its short form, which may be empty."""

    def protected(self, text: str) -> str:
        """The text without private-use characters, and with earlier replacements of the project hidden behind signs."""
        text = _SIGNS.sub("", text)
        if self._place.vr in _LONGEST:
            # A text that is too long already may stay so, but must not become longer.
            self._longest = max(_LONGEST[self._place.vr], len(text))
        names = {*Infotype.__members__, OWN_VALUE, *(added.name for added in self._settings.added)}
        text = _TOKEN.sub(lambda match: self._sign(match[0], "") if match[1] in names else match[0], text)
        if self._place.was_deidentified:
            for pattern in _put_in(self._settings.changes):
                text = pattern.sub(lambda match: self._sign(match[0], ""), text)
        return text

    def whole(self, value: str, infotype: str) -> str | None:
        """A value that is a finding as a whole, changed; None if the result is too long for its VR."""
        text = self.protected(value)
        if _SIGNS.sub("", text):
            change = self._settings.changes.of(infotype, self._place.tag, self._place.vr)
            if change.way is Way.KEEP:
                return value
            finding = Finding(0, len(text), infotype, Likelihood.VERY_LIKELY, "the value of an attribute for it")
            text = self._changed(text, finding, change)
        finished = self.finished(text)
        return finished.rstrip("=") if finished and self._place.vr == "PN" else finished

    def chosen(self, text: str, detected: list[Finding], own: list[Finding]) -> list[tuple[Finding, Change]]:
        """The findings that change, with their changes; a kept finding protects only less likely ones within it."""
        changes, tag, vr = self._settings.changes, self._place.tag, self._place.vr
        kept: list[Finding] = []
        active: list[Finding] = []
        for finding in (*detected, *own):
            way = changes.of(finding.infotype, tag, vr, is_own=finding in own).way
            (kept if way is Way.KEEP else active).append(finding)
        active = [one for one in active if not any(_covers(keep, one) for keep in kept)]
        spans = [(one.start, one.end) for one in own]
        chosen: list[tuple[Finding, Change]] = []
        for resolved in resolve(active):
            finding = resolved
            is_own = any(start < finding.end and finding.start < end for start, end in spans)
            change = changes.of(finding.infotype, tag, vr, is_own=is_own)
            # A finding of two infotypes, one of which is kept, must not be kept as a whole.
            change = REMOVE if self._removes or change.way is Way.KEEP else change
            last = chosen[-1] if chosen else None
            if last and last[1] is change and _are_one(text, last[0], finding):
                finding = Finding(last[0].start, finding.end, finding.infotype, finding.likelihood, finding.why)
                chosen.pop()
            chosen.append((finding, change))
        return chosen

    def change(self, text: str, chosen: list[tuple[Finding, Change]]) -> str:
        """The text with findings replaced by signs."""
        by_finding = dict(chosen)
        return replace(
            text,
            [finding for finding, _ in chosen],
            lambda span, finding: self._changed(span, finding, by_finding[finding]),
        )

    def finished(self, text: str) -> str | None:
        """The text with signs replaced by their texts, shortened if necessary; None if still too long for its VR."""
        for is_short in (False, True):
            written = _SIGNS.sub(lambda match: self._behind(match[0], is_short), text)  # noqa: B023 - called at once
            if self._longest is None or len(written) <= self._longest:
                return written
        return None

    def _behind(self, sign: str, is_short: bool) -> str:
        whole, short = self._put_in[ord(sign) - _FIRST_SIGN]
        return short if is_short and short else whole

    def _sign(self, whole: str, short: str) -> str:
        if len(self._put_in) >= _MOST_SIGNS:
            return ""
        self._put_in.append((whole, short))
        return chr(_FIRST_SIGN + len(self._put_in) - 1)

    def _changed(self, span: str, finding: Finding, change: Change) -> str:
        signs = _SIGNS.findall(span)
        if signs:
            # It overlaps an earlier replacement, which is kept; the rest is removed.
            return "".join(signs)
        if change.way is Way.MASK:
            return self._sign("".join(one if one in "\r\n\f\t" else change.mask for one in span), "")
        if change.way is Way.INFOTYPE:
            return self._sign(f"[{self._name(finding, change)}]", "")
        if change.way is Way.HASH:
            digest = keyed_digest(change.key, span.encode("utf-8", "surrogatepass"))
            short = "#" + base64.b32encode(digest)[:_SHORT_HASH].decode()
            return self._sign(base64.b64encode(digest).decode(), short)
        if change.way is Way.SHIFT and finding.infotype == Infotype.DATE:
            return self._shifted(span, change)
        if change.made is not None:
            if self._place.was_deidentified and not change.is_stable:
                return self._sign(span, "")
            made = change.made(str(finding.infotype), span, self._place.study)
            return self._sign(made, "") if made else ""
        return ""

    def _name(self, finding: Finding, change: Change) -> str:
        choice = next(one for one in self._settings.changes.choices if one.change is change)
        return OWN_VALUE if choice.infotypes == {OWN_VALUE} else str(finding.infotype)

    def _shifted(self, span: str, change: Change) -> str:
        number = next(index for index, one in enumerate(self._settings.changes.shifts) if one is change)
        days = self._place.days[number] if number < len(self._place.days) else None
        if days is None:
            return ""
        if not days:  # shifted before
            return self._sign(span, "")
        regions = self._settings.regions
        new = moved(span, days, month_first=regions[0] == _US_ORDER)
        return "" if new is None else self._sign(new, "")


def _put_in(changes: Changes) -> list[re.Pattern[str]]:
    """Patterns of a policy's replacements, except infotypes."""
    substitutes = [one.change.source for one in changes.choices if one.change.way is Way.SUBSTITUTE]
    return [_HASHED, _ENCRYPTED, *(re.compile(re.escape(one)) for one in substitutes if one)]


def restored(text: str, ways_back: Sequence[Undone]) -> str:
    """The text with the findings that were encrypted in it; the same where there are none, or of another key."""

    def original(match: re.Match[str]) -> str:
        for way_back in ways_back:
            with suppress(InvalidDataSetError):
                return way_back.decrypted_text(match[0])
        return match[0]

    return _ENCRYPTED.sub(original, text)


def without_put_in(text: str, changes: Changes) -> str:
    """A value of an instance that the project has de-identified, without its replacements, which identify nobody."""
    if not changes.choices:
        return text
    for pattern in (_TOKEN, *_put_in(changes)):
        text = pattern.sub(" ", text)
    return text.strip()


def _are_one(text: str, first: Finding, second: Finding) -> bool:
    """Whether two adjacent findings are parts of one name: Doe, Jane."""
    is_name = first.infotype == second.infotype == Infotype.PERSON_NAME
    return is_name and _WITHIN_NAME.fullmatch(text, first.end, second.start) is not None


def _covers(keep: Finding, other: Finding) -> bool:
    return keep.start <= other.start and other.end <= keep.end and other.likelihood <= Likelihood(keep.likelihood)
