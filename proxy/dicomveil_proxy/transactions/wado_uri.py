"""The query parameters of the URI Service (WADO-URI, PS3.18 Section 9), translated to those of WADO-RS.

The instance or picture itself comes from `retrieve`. Every response is de-identified, so that `anonymize=yes` has no
effect. `annotation`, which would draw the patient's name into the picture, is refused, as are other parameters of the
standard that are not supported. Unknown parameters are ignored (PS3.18 Section 8.3); none is forwarded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_proxy.errors import BadRequest, NotAcceptable
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.accept import RENDERED, Offer
from dicomveil_proxy.request.resource import OriginalResource, OutsideResource, Representation, Resource
from dicomveil_proxy.transactions.retrieve.metadata import metadata
from dicomveil_proxy.wire.media_type import DICOM

OFFERS = (*RENDERED, Offer(DICOM))
"""The first is the default (PS3.18 Section 8.7.4), also for multi-frame instances, of which one frame is shown."""

_RESOURCE = ("studyUID", "seriesUID", "objectUID")
_RENDERING = ("frameNumber", "rows", "columns", "windowCenter", "windowWidth", "imageQuality")
PARAMETERS = frozenset(
    ("requestType", *_RESOURCE, "contentType", "charset", "anonymize", "transferSyntax", *_RENDERING)
)
REFUSED = ("annotation", "region", "presentationSeriesUID", "presentationUID")
"""Ignoring one of these would give another picture than the one requested."""
_NUMBER = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?")
_ORDINAL = re.compile(r"[1-9][0-9]{0,8}")
_SYNTAX = re.compile(r"\*|[0-9][0-9.]{0,63}")


@dataclass(frozen=True, slots=True)
class WadoQuery:
    """The parameters of one request."""

    instance: OutsideResource
    """The instance in pseudonymised space."""
    content_type: str | None
    """Media types as in an Accept header; None for the default."""
    transfer_syntaxes: tuple[str, ...] = ()
    frame: int | None = None
    rows: int | None = None
    columns: int | None = None
    """Limits of the picture's size; its aspect ratio is kept."""
    looks: dict[str, str] = field(default_factory=dict)
    """`window` and `quality` in the form of WADO-RS (PS3.18 Section 8.3.5)."""

    @classmethod
    def parse(cls, parameters: Sequence[tuple[str, str]]) -> WadoQuery:
        """Read query parameters. Raises BadRequest for missing, repeated or unsupported ones.

        Raises UnknownResource for invalid UIDs.
        """
        known = [(name, value) for name, value in parameters if name in PARAMETERS]
        given = dict(known)
        if len(given) < len(known):
            raise BadRequest("a parameter appears twice in the query")
        if any(name in REFUSED for name, _ in parameters):
            raise BadRequest(f"{', '.join(REFUSED)} are not supported")
        if given.get("requestType") != "WADO":
            raise BadRequest("requestType must be WADO")
        if not all(given.get(name) for name in _RESOURCE):
            raise BadRequest(f"the parameters {', '.join(_RESOURCE)} are required")
        if given.get("anonymize", "yes") != "yes":
            raise BadRequest("anonymize can only be yes: every response is de-identified")
        syntax = given.get("transferSyntax")
        if syntax is not None and not _SYNTAX.fullmatch(syntax):
            raise BadRequest("transferSyntax must be a UID, or * for the stored one")
        study, series, instance = (PseudonymousUID(given[name]) for name in _RESOURCE)
        return cls(
            Resource(study, series, instance),
            given.get("contentType"),
            (syntax,) if syntax else (),
            _ordinal(given, "frameNumber"),
            _ordinal(given, "rows"),
            _ordinal(given, "columns"),
            _looks(given),
        )

    @property
    def picture(self) -> OutsideResource:
        """The rendered form of the instance, or of the frame."""
        of = self.instance
        frames = (self.frame,) if self.frame else ()
        return Resource(of.study, of.series, of.instance, frames, representation=Representation.RENDERED)

    def check_instance(self) -> None:
        """Raise BadRequest where rendering parameters are given, but the instance itself is requested."""
        if self.frame or self.rows or self.columns or self.looks:
            raise BadRequest(f"{', '.join(_RENDERING)} are for pictures, not for {DICOM}")


async def rendering(project: Project, original: OriginalResource, query: WadoQuery) -> dict[str, str]:
    """The rendering parameters for WADO-RS. If only one side is limited, the instance's Rows and Columns are read."""
    rows, columns = query.rows, query.columns
    if rows is None and columns is None:
        return query.looks
    if rows is None or columns is None:
        high, wide = await _shape(project, original)
        rows, columns = rows or -(-(columns or 1) * high // wide), columns or -(-(rows or 1) * wide // high)
    return {"viewport": f"{columns},{rows}", **query.looks}


async def _shape(project: Project, original: OriginalResource) -> tuple[int, int]:
    """Rows and Columns of the de-identified instance. Raises NotAcceptable where it has none."""
    of = Resource(original.study, original.series, original.instance, representation=Representation.METADATA)
    # The list is empty where the instance was left out (on_error = "omit").
    attributes = [*json.loads(b"".join([piece async for piece in metadata(project, of, "")])), {}][0]
    sides = [attributes.get(tag, {}).get("Value", [0])[0] for tag in ("00280010", "00280011")]
    if not all(isinstance(side, int) and side > 0 for side in sides):
        raise NotAcceptable("the instance is not a picture")
    return sides[0], sides[1]


def _looks(given: dict[str, str]) -> dict[str, str]:
    looks: dict[str, str] = {}
    if "windowCenter" in given or "windowWidth" in given:
        if not all(_NUMBER.fullmatch(given.get(name, "")) for name in ("windowCenter", "windowWidth")):
            raise BadRequest("windowCenter and windowWidth must be given together, as decimal numbers")
        looks["window"] = f"{given['windowCenter']},{given['windowWidth']},linear"
    if quality := _ordinal(given, "imageQuality"):
        if quality > 100:
            raise BadRequest("imageQuality must be from 1 to 100")
        looks["quality"] = str(quality)
    return looks


def _ordinal(given: dict[str, str], name: str) -> int | None:
    if name not in given:
        return None
    if not _ORDINAL.fullmatch(given[name]):
        raise BadRequest(f"{name} must be a whole number from 1")
    return int(given[name])
