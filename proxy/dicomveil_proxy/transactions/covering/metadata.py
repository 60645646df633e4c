"""The verdict on an instance by its metadata, and metadata that describes the covered pixels as the instance does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import cast

from dicomveil_engine import EngineError, InstanceIdentity, JSONDataSet
from dicomveil_engine.json_model.alike import share
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.claims import PixelClaims, claimed_metadata, claims_of
from dicomveil_engine.pixels.codecs import NATIVE
from dicomveil_engine.pixels.gate import Condition, PixelAction, PixelVerdict
from dicomveil_engine.pixels.header import JSON_KEYS, PIXEL_KEYS, PixelHeader
from dicomveil_engine.pixels.release import without_pixels
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.origin.web.metadata import data_sets
from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import OriginalResource, Resource
from dicomveil_proxy.transactions.covering.documents import ENCAPSULATED_DOCUMENT, document_metadata
from dicomveil_proxy.transactions.covering.released import released_file
from dicomveil_proxy.transactions.sampling import Sample, kind_of

PIXELS = "7FE00010"


async def verdict_on(project: Project, looking: Looking, original: OriginalResource) -> PixelVerdict:
    """The verdict on an instance whose pixels are requested, by the origin server's metadata."""
    assert original.instance is not None
    if (found := looking.noted_verdict(original.instance)) is not None:
        return found
    limit = project.limits.header_bytes
    batches = data_sets(project.origin, original.study, original.series, original.instance, limit=limit)
    async with aclosing(batches):
        async for batch in batches:
            for dataset in batch.datasets:
                header = json_header(dataset)
                # Origin servers may omit Pixel Data from metadata, but the client requests it.
                verdict = looking.verdict(replace(header, has_pixel_data=not header.has_float_pixels))
                looking.note_verdict(original.instance, verdict)
                return verdict
    raise UnknownResource("there is no such resource")


def json_header(dataset: JSONDataSet) -> PixelHeader:
    """The pixel attributes in metadata. An instance with Rows is assumed to have Pixel Data even if it is omitted."""
    header = PixelHeader.from_json(dataset)
    return replace(header, has_pixel_data=True) if header.rows or header.has_pixel_data else header


class SeriesHeaders:
    """The pixel attributes of consecutive data sets, which are mostly the same objects in a series."""

    def __init__(self) -> None:
        self._last: JSONDataSet = {}
        self._pixels: list[bool] = []
        self._header = PixelHeader()

    def of(self, dataset: JSONDataSet) -> PixelHeader:
        """As `json_header`."""
        pixels = [key in dataset for key in PIXEL_KEYS]
        if pixels != self._pixels or not share(dataset, self._last, JSON_KEYS):
            self._pixels, self._header = pixels, json_header(dataset)
        self._last = dataset
        return self._header


def is_beside_pixels(tag: int) -> bool:
    """Whether a top-level element shows parts of the pixels, and is removed when they are covered: icons, overlays."""
    return PixelClaims(is_cleaned=True).removes(tag)


def passes(verdict: PixelVerdict) -> bool:
    """Whether pixels are released unchanged."""
    return verdict.action is PixelAction.NOTHING


async def claimed(
    project: Project,
    looking: Looking,
    header: PixelHeader,
    written: JSONDataSet,
    identity: InstanceIdentity,
    pixel_uri: str,
) -> JSONDataSet:
    """The metadata of an instance with the attributes that describe its covered pixels.

    `header` are the original's pixel attributes; `pixel_uri` is the URI of its Pixel Data, which replaces pixels that
    are inline in the metadata.
    """
    verdict = looking.verdict(header)
    if header.has_pixel_data:
        looking.note_verdict(identity.sop_instance_uid, verdict)
    written = without_pixels(written, verdict, pixel_uri)
    if not verdict.claims and not verdict.has_face:
        return written
    boxes = Boxes()
    if verdict.is_document:
        study, series, instance = map(OriginalUID, identity_uids(identity))
        uri = pixel_uri.replace(PIXELS.lower(), f"{ENCAPSULATED_DOCUMENT:08x}")
        written, leaves_doubt = await document_metadata(project, looking, written, (study, series, instance), uri)
        boxes = Boxes(leaves_doubt=leaves_doubt)
    record = None
    uids = [OriginalUID(uid) for uid in identity_uids(identity)]
    is_encoded = header.transfer_syntax_uid not in NATIVE
    if verdict.action is PixelAction.LOOK or (verdict.action is PixelAction.MASKS and is_encoded):
        record = await looking.record(looking.digest(*uids))
        if record is None and is_encoded and header.samples_per_pixel > 1:
            # Decoding may change the photometric interpretation: whether it does is known after covering.
            with suppress(EngineError):
                await released_file(project, looking, Resource(uids[0], uids[1], uids[2]))
            record = await looking.record(looking.digest(*uids))
    if verdict.action is PixelAction.LOOK and not verdict.is_document and record is None:
        boxes = Boxes(leaves_doubt=await _is_unknown(looking, verdict, header, uids))
    if record is not None:
        kept = PixelHeader.from_json(written)  # the instance's history of compression, as rules have left it
        boxes, header = (
            record.boxes,
            replace(
                header,
                transfer_syntax_uid=record.syntax,
                lossy=kept.lossy,
                lossy_methods=kept.lossy_methods,
                lossy_ratios=kept.lossy_ratios,
            ),
        )
    return cast("JSONDataSet", claimed_metadata(written, claims_of(header, verdict, boxes, looking.settings)))


async def _is_unknown(
    looking: Looking, verdict: PixelVerdict, header: PixelHeader, uids: Sequence[OriginalUID]
) -> bool:
    """Whether nothing can be claimed yet of an instance that was not looked at: unless the samples of its series say
    that it need not be."""
    if verdict.condition is not Condition.SAMPLE:
        return True
    digest = looking.digest("sample", *uids[:2])
    sample = Sample.of(looking.records.recent(digest) or await looking.at_disk(looking.records.get, digest))
    return sample.leaves_doubt or not sample.lets_pass(kind_of(looking, replace(header, transfer_syntax_uid="")))


def identity_uids(identity: InstanceIdentity) -> tuple[str, str, str]:
    """The UIDs of study, series and instance."""
    return identity.study_instance_uid, identity.series_instance_uid, identity.sop_instance_uid
