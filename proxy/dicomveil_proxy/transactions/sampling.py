"""The samples of a series: slices that are searched, so that the others need not be.

The first, the middle and the last, and one of each size that the origin server's search shows. Text in one means that
all are looked at; so does a sample that cannot be looked at. A slice of a kind that no sample had is looked at, too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dicomveil_engine import EngineError
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.gate import Condition, PixelAction
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin import Match, Origin
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.pixels.released import private_folder, writing
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.wire.multipart import PartData

_FIELDS = ("SOPInstanceUID", "InstanceNumber", "Rows", "Columns", "ImageType")
_INSTANCE, _NUMBER, _SIZE = "00080018", "00200013", ("00280010", "00280011", "00080008")
_ASKED = 1000
_MOST_SAMPLES = 12
"""Beyond these the slices are of so many kinds that each of the others is looked at."""


@dataclass(frozen=True)
class Sample:
    """The result of searching the samples of a series."""

    has_text: bool
    kinds: frozenset[str]
    """Sizes and types that were among them."""
    leaves_doubt: bool = True
    """Whether something that could be text was left in one, so that nothing is claimed for the others."""

    @classmethod
    def of(cls, record: Mapping[str, Any] | None) -> Sample:
        """The sample of a record; without one, each slice is searched."""
        if record is None:
            return cls(True, frozenset())
        kinds = frozenset(map(str, record.get("kinds", ())))
        return cls(record.get("text") is not False, kinds, record.get("doubt") is not False)

    def lets_pass(self, kind: str) -> bool:
        """Whether a slice of this kind need not be searched."""
        return not self.has_text and kind in self.kinds


def kind_of(looking: Looking, header: PixelHeader) -> str:
    """A digest of the attributes in which a slice must not differ from a sample."""
    kind = (
        header.sop_class_uid,
        header.transfer_syntax_uid,
        header.image_type,
        header.rows,
        header.columns,
        header.bits_stored,
        header.manufacturer_model_name,
    )
    return looking.witness(json.dumps(kind).encode())


async def sample_of(
    origin: Origin, looking: Looking, study: OriginalUID, series: OriginalUID, *, has_text: bool = False
) -> Sample:
    """The sample of a series; taken once for all requests. `has_text` notes that text was found outside the sample."""
    digest = looking.digest("sample", study, series)
    if has_text:
        await looking.at_disk(looking.records.put, digest, {"text": True, "kinds": []})
        return Sample(True, frozenset())
    record = looking.records.recent(digest) or await looking.at_disk(looking.records.get, digest)
    if record is not None:
        return Sample.of(record)
    return await looking.once(digest, lambda: _taken(origin, looking, digest, study, series))


async def _taken(origin: Origin, looking: Looking, digest: bytes, study: OriginalUID, series: OriginalUID) -> Sample:
    kinds: set[str] = set()
    found: list[bool] = []
    doubts: list[bool] = []
    chosen = iter(await _chosen(origin, study, series))

    async def look() -> None:
        for instance in chosen:
            if any(found):
                return
            try:
                header, boxes = await _looked_at(origin, looking, study, series, instance)
            except EngineError:
                found.append(True)
            else:
                # Metadata do not always name the transfer syntax.
                kinds.update((kind_of(looking, header), kind_of(looking, replace(header, transfer_syntax_uid=""))))
                found.append(bool(boxes))
                doubts.append(boxes.leaves_doubt)

    # As many at a time as there are processes. One that has begun is not broken off: others may wait for it.
    ended = await asyncio.gather(*(look() for _ in range(looking.limits.processes)), return_exceptions=True)
    for error in ended:
        if error is not None:
            raise error
    sample = Sample(any(found), frozenset(kinds), any(doubts))
    record = {"text": sample.has_text, "kinds": sorted(kinds), "doubt": sample.leaves_doubt}
    await looking.at_disk(looking.records.put, digest, record)
    return sample


async def _chosen(origin: Origin, study: OriginalUID, series: OriginalUID) -> list[OriginalUID]:
    fields = [("includefield", name) for name in _FIELDS]
    found: list[Match] = []
    async with aclosing(pages(origin, Level.INSTANCES, study, series, fields, size=_ASKED)) as results:
        async for page in results:
            found += page
    found.sort(key=_number)
    by_size: dict[str, Match] = {}
    for match in found:
        by_size.setdefault(json.dumps([_values(match, tag) for tag in _SIZE]), match)
    chosen = [found[place] for place in (0, len(found) // 2, len(found) - 1)] if found else []
    uids = [str(uid) for match in (*chosen, *by_size.values()) for uid in _values(match, _INSTANCE)[:1]]
    return [OriginalUID(uid) for uid in dict.fromkeys(uids)][:_MOST_SAMPLES]


async def _looked_at(
    origin: Origin, looking: Looking, study: OriginalUID, series: OriginalUID, instance: OriginalUID
) -> tuple[PixelHeader, Boxes]:
    """The header of an instance, and its boxes."""
    with private_folder() as name:
        path = Path(name, "original")
        with writing(path) as file:
            async with aclosing(origin.instances(study, series, instance)) as events:
                async for event in events:
                    if isinstance(event, PartData):
                        file.write(event.data)
        data = await asyncio.to_thread(path.read_bytes)
        found = read_instance(data)
        assert found is not None
        header = PixelHeader.from_elements(found)
        verdict = looking.verdict(header)
        if found.text(0x00080018) != instance:
            raise OriginMalformed("the origin server sent another instance than was asked for")
        if verdict.action is not PixelAction.LOOK or verdict.condition is not Condition.SAMPLE:
            return PixelHeader(), Boxes()  # it is treated by its own header, and says nothing about the slices
        digest, witness = looking.digest(study, series, instance), looking.witness(found.buffer[: found.end])
        del data
        record = await looking.record(digest)
        if record is None or record.witness != witness:
            syntax = header.transfer_syntax_uid
            record = await looking.once(digest, lambda: looking.found(digest, path, verdict, syntax, witness))
        record.check()
        return header, record.boxes


def _values(match: Mapping[str, object], tag: str) -> list[object]:
    element = match.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _number(match: Mapping[str, object]) -> int:
    values = _values(match, _NUMBER)
    try:
        return int(str(values[0])) if values else 0
    except ValueError:
        return 0
