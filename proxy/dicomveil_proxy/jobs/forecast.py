"""The forecast of an export: how much there is, and what may be refused or must be looked at.

The archive is searched as for the plan, and once more for the instances of each series.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from dicomveil_engine import Policy
from dicomveil_engine.attributes._standard import DEFINED_TERM_WORDS
from dicomveil_engine.attributes.dictionary import keyword_of
from dicomveil_engine.attributes.legality import is_registered_uid
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.jobs.cohort import Cohort, text_in
from dicomveil_proxy.origin import Match, Origin
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.request.query import Level

_RESULTS_ASKED = 500
_SIZES = (0x00280010, 0x00280011, 0x00280100, 0x00280002, 0x00280008)
"""Rows, Columns, BitsAllocated, SamplesPerPixel, NumberOfFrames."""
_SYNTAX, _MODALITY, _SOP_CLASS = 0x00083002, 0x00080060, 0x00080016
_STANDARD_SYNTAXES = "1.2.840.10008.1.2"
_HEADER_BYTES = 4_096
_DIGITS = 12
"""The most digits of an integer (PS3.5 Table 6.2-1, IS)."""
_OTHER = "that is not one of the standard's"
_BURNT_IN = frozenset(
    ("US", "IVUS", "ES", "XC", "GM", "SM", "OP", "OT", "SC", "XA", "RF", "DX", "CR", "MG", "PX", "IO")
)
"""Modalities whose images often contain text, drawn by the device or scanned from paper."""
_INCLUDED = tuple(("includefield", keyword_of(tag)) for tag in (*_SIZES, _SYNTAX, _MODALITY, _SOP_CLASS))


@dataclass
class Forecast:
    """The counts of a forecast."""

    studies: int = 0
    series: int = 0
    instances: int = 0
    bytes: int = 0
    """The size of uncompressed pixels, and so an upper bound."""
    not_found: int = 0
    """Rows of the list that match nothing."""
    modalities: Counter[str] = field(default_factory=Counter)
    """Instances."""
    burnt_in: Counter[str] = field(default_factory=Counter)
    """Instances whose pixels may hold text, by modality."""
    unknown_syntaxes: Counter[str] = field(default_factory=Counter)
    """Instances in an unknown transfer syntax."""

    def lines(self) -> list[str]:
        """The forecast in words."""
        size = f"bytes: {self.bytes:,} at most"
        said = [f"studies: {self.studies:,}, series: {self.series:,}, instances: {self.instances:,}, {size}"]
        if self.not_found:
            said.append(f"rows that match nothing: {self.not_found:,}")
        said += [
            f"modality {name or 'unknown'}: {count:,} instances" for name, count in sorted(self.modalities.items())
        ]
        said += [
            f"text may be burnt in: {count:,} instances of modality {name or 'unknown'}"
            for name, count in sorted(self.burnt_in.items())
        ]
        said += [
            f"may be refused: {count:,} instances in the transfer syntax {name}"
            for name, count in sorted(self.unknown_syntaxes.items())
        ]
        return said


async def forecast(
    origin: Origin, policy: Policy, cohort: Cohort, known: dict[str, str], seen: Callable[[int, int], None]
) -> Forecast:
    """Search the archive. Raises OriginError."""
    found = Forecast()
    studies: set[str] = set()
    async with aclosing(cohort.studies(origin, policy, known)) as all_chosen:
        async for chosen in all_chosen:
            if not chosen.study:
                found.not_found += 1
                continue
            studies.add(chosen.study)
            found.studies = len(studies)
            async with aclosing(cohort.series(origin, chosen)) as series:
                async for uid, _ in series:
                    found.series += 1
                    await _count(origin, chosen.study, uid, found)
            seen(found.studies, found.series)
    return found


async def _count(origin: Origin, study: str, series: str, found: Forecast) -> None:
    rows = pages(origin, Level.INSTANCES, OriginalUID(study), OriginalUID(series), _INCLUDED, size=_RESULTS_ASKED)
    async with aclosing(rows):
        async for page in rows:
            for match in page:
                modality = _modality(match)
                found.instances += 1
                found.bytes += _size(match)
                found.modalities[modality] += 1
                if modality in _BURNT_IN:
                    found.burnt_in[modality] += 1
                syntax = _text(match, _SYNTAX)
                if syntax and not syntax.startswith(_STANDARD_SYNTAXES):
                    found.unknown_syntaxes[syntax if is_registered_uid(syntax) else "of a private kind"] += 1


def _modality(match: Match) -> str:
    """The modality if it is one of the standard's terms: the forecast is printed, and an original may have any text."""
    written = _text(match, _MODALITY)
    return written if not written or written in DEFINED_TERM_WORDS or written in _BURNT_IN else _OTHER


def _size(match: Match) -> int:
    texts = (_text(match, tag) for tag in _SIZES)
    rows, columns, bits, samples, frames = (
        int(text) if text.isdecimal() and len(text) <= _DIGITS else 0 for text in texts
    )
    return rows * columns * max(bits, 8) // 8 * max(samples, 1) * max(frames, 1) + _HEADER_BYTES


def _text(match: Match, tag: int) -> str:
    return text_in(match, f"{tag:08X}")
