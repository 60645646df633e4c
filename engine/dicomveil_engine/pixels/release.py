"""De-identify a whole original: its attributes, and the text in its pixels.

The models are loaded for the first instance that must be searched. This module needs neither numpy nor the extra
`pixels`: without the extra, an instance that must be searched is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from dicomveil_engine.configuration.pixels import PixelSettings
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.part10.rewriter import rewritten_instance
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.claims import PixelClaims, claimed_metadata, claims_of
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict, gate
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.passing import PassingInstances

if TYPE_CHECKING:
    from dicomveil_engine.json_model.values import JSONDataSet, JSONElement
    from dicomveil_engine.pixels.looker import Looker
    from dicomveil_engine.policy import Policy

_PIXEL_DATA = "7FE00010"
_LOOKING = threading.Lock()
"""One search at a time: it fills the processor's cache and uses about 700 MB."""


def passing_instances(policy: Policy) -> PassingInstances:
    """The policy's test for instances that pass, made once for each policy."""
    found = policy.compiled.get("passing instances")
    if not isinstance(found, PassingInstances):
        found = policy.compiled["passing instances"] = PassingInstances(policy.pixels)
    return found


def released_instance(data: bytes, policy: Policy, looker: Looker | None = None) -> bytes:
    """An original instance, de-identified. Without a `looker`, the process shares one.

    Raises InvalidDataSetError if it cannot be read, DeidentificationError if there is no safe output, which includes
    an instance that must be searched if the extra `pixels` is not installed.
    """
    settings = policy.pixels
    if not settings.looks or passing_instances(policy).verdict(data) is not None:
        return rewritten_instance(data, policy)
    instance = read_instance(data)
    assert instance is not None
    verdict = gate(PixelHeader.from_elements(instance), settings)
    if verdict.action is PixelAction.REFUSE:
        raise DeidentificationError(verdict.reason)
    deidentified = rewritten_instance(data, policy)
    if verdict.action is PixelAction.NOTHING and not verdict.has_face:
        return deidentified
    from dicomveil_engine.pixels.instance import cover_instance, with_document  # noqa: PLC0415 - few instances need it

    if verdict.action is not PixelAction.LOOK:
        return cover_instance(deidentified, Boxes(verdict.masks), verdict, settings)
    with _LOOKING:
        finder = looker or _shared_looker()
        if verdict.is_document:
            from dicomveil_engine.pixels.documents import covered_document  # noqa: PLC0415 - loads a PDF library

            document = covered_document(instance, finder, finder.limits)
            return with_document(deidentified, document, verdict, settings)
        boxes = finder.boxes(data, verdict, settings)
    return cover_instance(deidentified, boxes, verdict, settings, finder.limits)


@lru_cache(1)
def _shared_looker() -> Looker:
    from dicomveil_engine.pixels.looker import Looker  # noqa: PLC0415 - loads the models

    return Looker()


def released_metadata(original: JSONDataSet, deidentified: JSONDataSet, settings: PixelSettings) -> JSONDataSet:
    """De-identified metadata in the DICOM JSON model that agrees with its released instance.

    Pixels in the metadata itself are removed unless they pass unchanged, because they are not searched for text. The
    attributes of the encoding are those of the original, even if compressed frames are covered. Nothing is claimed of
    an instance that would have to be searched.
    """
    if not settings.looks:
        return deidentified
    header = PixelHeader.from_json(original)
    verdict = gate(header, settings)
    boxes = Boxes(leaves_doubt=verdict.action is PixelAction.LOOK)
    written = claimed_metadata(without_pixels(deidentified, verdict), claims_of(header, verdict, boxes, settings))
    return cast("JSONDataSet", written)


def without_pixels(dataset: JSONDataSet, verdict: PixelVerdict, bulk_data_uri: str | None = None) -> JSONDataSet:
    """Metadata in the DICOM JSON model without pixels, unless the verdict lets them pass.

    Pixel Data becomes a reference to `bulk_data_uri`, or an element without a value. Icons and overlays are removed.
    """
    if verdict.action is PixelAction.NOTHING:
        return dataset
    beside = PixelClaims(is_cleaned=True)
    left = {key: value for key, value in dataset.items() if not _shows_pixels(key, beside)}
    element = left.get(_PIXEL_DATA)
    if isinstance(element, Mapping) and element.keys() - {"vr", "BulkDataURI"}:
        bare = cast("JSONElement", {"vr": element.get("vr", "OW")})
        left[_PIXEL_DATA] = bare if bulk_data_uri is None else bare | {"BulkDataURI": bulk_data_uri}
    return left


def _shows_pixels(key: str, beside: PixelClaims) -> bool:
    try:
        return beside.removes(int(key, 16))
    except ValueError:
        return False
