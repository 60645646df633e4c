"""A text while its findings change: what is put in their place is hidden from further looks behind one sign each.

A sign is a character for private use (Unicode, Supplementary Private Use Area-A). A text that has such characters
itself loses them: they mean nothing to others, and could be taken for signs.
"""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

from dicomveil_engine.pseudonyms.keys import keyed_digest
from dicomveil_engine.text.changes import OWN_VALUE, REMOVE, Change, Changes, Way
from dicomveil_engine.text.cleaning import replace, resolve
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.settings import TextSettings
from dicomveil_engine.text.written_dates import moved

PROSE_VRS = frozenset(("ST", "LT", "UC", "UT"))
"""Attributes of sentences; LO and SH are labels."""
_LONGEST = {"AE": 16, "SH": 16, "LO": 64, "PN": 64, "ST": 1_024, "LT": 10_240}
"""Characters of a value (PS3.5 Table 6.2-1); of PN, of one group."""
_FIRST_SIGN = 0xF0000
_SIGNS = re.compile("[\U000f0000-\U000ffffd]")
_MOST_SIGNS = 0xFFF0
_TOKEN = re.compile(r"\[([A-Z][A-Z0-9_]{0,63})\]")
_HASHED = re.compile(
    r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{43}(?:=|(?![A-Za-z0-9+/]))|(?<![A-Za-z0-9+/=#])#[A-Za-z0-9]{10}(?![A-Za-z0-9])"
)
"""What a hash looks like, whole and shortened."""
_ENCRYPTED = re.compile(r"(?<![A-Za-z0-9+/=])(?:[A-Za-z0-9+/]{4}){10,}(?:[A-Za-z0-9+/]{2,3}={0,2})?(?![A-Za-z0-9+/=])")
_SHORT_HASH = 10
_WITHIN_NAME = re.compile(r"[ ,^]{1,2}")
_US_ORDER = "US"


class Place(NamedTuple):
    """Where a text comes from, as far as cleaning depends on it."""

    tag: int = 0
    is_prose: bool = True
    vr: str = "UT"
    days: tuple[int | None, ...] = ()
    """By how much each of the policy's shifts moves dates here; None where the instance says too little for it."""
    was_deidentified: bool = False
    """By this project before: what it has put in is left alone."""
    study: str = ""
    """The original's StudyInstanceUID, where a change depends on it."""


ANYWHERE = Place()


class Changing:
    """One text."""

    def __init__(self, settings: TextSettings, place: Place, *, removes: bool = False) -> None:
        """`removes`: what is not kept is removed, whatever the policy puts in its place."""
        self._settings = settings
        self._place = place
        self._removes = removes
        self._longest: int | None = None
        self._put_in: list[tuple[str, str]] = []
        """Behind each sign: the text, and its short form; the short form is empty where there is none."""

    def protected(self, text: str) -> str:
        """The text without foreign signs, and with what this project has put in before behind signs of its own."""
        text = _SIGNS.sub("", text)
        if self._place.vr in _LONGEST:
            # One that is too long as it comes may stay so: nothing is added to it.
            self._longest = max(_LONGEST[self._place.vr], len(text))
        names = {*Infotype.__members__, OWN_VALUE, *(added.name for added in self._settings.added)}
        text = _TOKEN.sub(lambda match: self._sign(match[0], "") if match[1] in names else match[0], text)
        if self._place.was_deidentified:
            for pattern in _put_in(self._settings.changes):
                text = pattern.sub(lambda match: self._sign(match[0], ""), text)
        return text

    def whole(self, value: str, infotype: str) -> str | None:
        """A value that is a finding as a whole, changed; None where the outcome is too long for its VR."""
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
        """The findings that change, and how; what is kept protects only what lies within it and is less likely."""
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
            # A finding of two kinds of which one is kept may not be kept as a whole.
            change = REMOVE if self._removes or change.way is Way.KEEP else change
            last = chosen[-1] if chosen else None
            if last and last[1] is change and _are_one(text, last[0], finding):
                finding = Finding(last[0].start, finding.end, finding.infotype, finding.likelihood, finding.why)
                chosen.pop()
            chosen.append((finding, change))
        return chosen

    def change(self, text: str, chosen: list[tuple[Finding, Change]]) -> str:
        """The text with signs in the place of findings."""
        by_finding = dict(chosen)
        return replace(
            text,
            [finding for finding, _ in chosen],
            lambda span, finding: self._changed(span, finding, by_finding[finding]),
        )

    def finished(self, text: str) -> str | None:
        """The text with what was put in, shortened where it must be; None where it is too long for its VR even so."""
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
            # It overlaps what was inserted before: that is kept, and the rest is removed.
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
        if not days:  # moved before
            return self._sign(span, "")
        regions = self._settings.regions
        new = moved(span, days, month_first=regions[0] == _US_ORDER)
        return "" if new is None else self._sign(new, "")


def _put_in(changes: Changes) -> list[re.Pattern[str]]:
    """What a policy puts in the place of findings, but for infotypes."""
    substitutes = [one.change.source for one in changes.choices if one.change.way is Way.SUBSTITUTE]
    return [_HASHED, _ENCRYPTED, *(re.compile(re.escape(one)) for one in substitutes if one)]


def without_put_in(text: str, changes: Changes) -> str:
    """A value of an instance that this project has de-identified, without what it put in, which identifies nobody."""
    if not changes.choices:
        return text
    for pattern in (_TOKEN, *_put_in(changes)):
        text = pattern.sub(" ", text)
    return text.strip()


def _are_one(text: str, first: Finding, second: Finding) -> bool:
    """Whether two findings beside each other are parts of one name: Doe, Jane."""
    is_name = first.infotype == second.infotype == Infotype.PERSON_NAME
    return is_name and _WITHIN_NAME.fullmatch(text, first.end, second.start) is not None


def _covers(keep: Finding, other: Finding) -> bool:
    return keep.start <= other.start and other.end <= keep.end and other.likelihood <= Likelihood(keep.likelihood)
