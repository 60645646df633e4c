"""Content negotiation: the Accept header against the representations that a transaction offers.

RFC 9110 Section 12.5.1 with the parameters of DICOM (PS3.18 Section 8.7). The result says what was requested;
whether an instance can be transcoded to that transfer syntax is decided by the caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from dicomveil_proxy.errors import BadRequest, NotAcceptable
from dicomveil_proxy.wire.media_type import (
    DICOM,
    DICOM_JSON,
    DICOM_XML,
    JSON,
    MULTIPART_RELATED,
    OCTET_STREAM,
    ZIP,
    parse_media_type,
    split_unquoted,
)

ANY = "*"
"""Instead of a transfer syntax: the one in which the instance is stored."""
MAXIMUM_CHARACTERS = 8_192
"""The longest Accept header that is accepted. The longest known, OHIF's for frames, has some 700."""


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One element of an Accept header."""

    name: str
    """e.g. `multipart/related`, `image/*`, `*/*`; in lower case."""
    part_type: str | None = None
    """The `type` parameter of a multipart: the media type or range of its parts."""
    transfer_syntax: str | None = None
    """A UID, or `*` for the stored one."""
    quality: float = 1.0
    """0 means not acceptable."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One representation that a transaction offers."""

    media_type: str
    is_multipart: bool = False
    """Whether it is the type of parts in a `multipart/related` body."""

    def __str__(self) -> str:
        return f'{MULTIPART_RELATED}; type="{self.media_type}"' if self.is_multipart else self.media_type


@dataclass(frozen=True, slots=True)
class Choice:
    """An offer that the user agent accepts."""

    offer: Offer
    transfer_syntaxes: tuple[str, ...] = ()
    """The requested UIDs or `*`, in order of preference; empty for the default of PS3.18 Section 8.7.3."""
    refused: tuple[str, ...] = ()
    """Transfer syntaxes that the user agent does not accept (q=0)."""
    quality: float = field(default=1.0, compare=False)

    def takes(self, transfer_syntax: str | None) -> bool:
        """Whether this transfer syntax is accepted; where none was requested, any is that is not refused."""
        if transfer_syntax in self.refused:
            return False
        return not self.transfer_syntaxes or ANY in self.transfer_syntaxes or transfer_syntax in self.transfer_syntaxes


INSTANCES = (Offer(DICOM, is_multipart=True), Offer(ZIP))
"""Representations of a study or series (PS3.18 Section 10.4.3.3). The first offer is the default, here and below."""
INSTANCE = (Offer(DICOM, is_multipart=True), Offer(DICOM))
_JSON = (Offer(DICOM_JSON), Offer(JSON))
STORE = (*_JSON, Offer(DICOM_XML), Offer("text/html"))
"""An HTML form in a browser accepts text/html, and is answered in JSON."""
METADATA = (*_JSON, Offer(DICOM_XML, is_multipart=True))
SEARCH = (*METADATA, Offer(DICOM_XML))
"""Results in XML are multipart (PS3.18 Section 10.6.4); some user agents omit that, and get multipart too."""
FRAMES = (
    Offer(OCTET_STREAM, is_multipart=True),
    *(Offer(f"image/{kind}", is_multipart=True) for kind in ("jpeg", "jls", "jp2", "jpx", "jphc", "dicom-rle")),
    Offer(OCTET_STREAM),
)
BULKDATA = (Offer(OCTET_STREAM, is_multipart=True), Offer(OCTET_STREAM))
CAPABILITIES = (Offer("application/vnd.sun.wadl+xml"), Offer("application/xml"))
RENDERED = (Offer("image/jpeg"), Offer("image/png"), Offer("image/gif"))
RENDERED_FRAMES = tuple(Offer(each.media_type, is_multipart=True) for each in RENDERED)
"""Offers for a list of frames, with one picture in each part."""


def parse(header: str | None) -> tuple[MediaRange, ...]:
    """The media ranges of an Accept header in their order; the caller joins several headers with commas.

    None and an empty header mean `*/*`. Invalid elements are ignored. Raises BadRequest for a header over the limit.
    """
    if header is None or not header.strip():
        return (MediaRange("*/*"),)
    if len(header) > MAXIMUM_CHARACTERS:
        raise BadRequest(f"the Accept header is over {MAXIMUM_CHARACTERS} characters")
    return _parse(header)


@lru_cache(maxsize=256)
def _parse(header: str) -> tuple[MediaRange, ...]:
    return tuple(
        MediaRange(
            media_type.name,
            # An invalid `type` is kept, so that it matches no offer.
            media_type.part_type or media_type.parameters.get("type")
            if media_type.name.startswith("multipart/")
            else None,
            media_type.transfer_syntax,
            _quality(media_type.parameters.get("q", "1")),
        )
        for element in split_unquoted(header, ",")
        if (media_type := parse_media_type(element))
    )


def acceptable(header: str | None, offered: tuple[Offer, ...], parameter: str | None = None) -> tuple[Choice, ...]:
    """The accepted offers, best first. Raises NotAcceptable if there are none.

    `parameter` is the query parameter `accept`, which overrides the header (PS3.18 Section 8.3.3.1).
    """
    if parameter is not None:
        # In a query, + means a space; few user agents encode it.
        header = parameter.replace("dicom json", "dicom+json").replace("dicom xml", "dicom+xml")
    return _acceptable(parse(header), offered)


@lru_cache(maxsize=256)
def _acceptable(ranges: tuple[MediaRange, ...], offered: tuple[Offer, ...]) -> tuple[Choice, ...]:
    ranked: list[tuple[float, int, Choice]] = []
    for offer in offered:
        # The most specific range decides (RFC 9110 Section 12.5.1). Several may differ in their transfer syntax only.
        specificity = max((_specificity(each, offer) for each in ranges), default=0)
        matching = [
            _Match(-each.quality, position, each.transfer_syntax or "")
            for position, each in enumerate(ranges)
            if specificity and _specificity(each, offer) == specificity
        ]
        ranked += [(match[0].worth, match[0].position, choice) for match, choice in _choices(offer, matching)]
    if not ranked:
        raise NotAcceptable(f"this resource is available as {', '.join(map(str, offered))}")
    # Equal qualities keep the order of the header, then that of the offers.
    ranked.sort(key=lambda rank: rank[:2])
    return tuple(choice for *_, choice in ranked)


class _Match(NamedTuple):
    """A range that fits an offer; sorts best first."""

    worth: float
    """The negative of its quality."""
    position: int
    syntax: str


def _choices(offer: Offer, matching: list[_Match]) -> Iterator[tuple[list[_Match], Choice]]:
    """One choice for each quality, and a separate one for ranges without a transfer syntax."""
    refused = tuple(each.syntax for each in matching if not each.worth and each.syntax)
    wanted = sorted((each for each in matching if each.worth), key=lambda each: (each.worth, not each.syntax, each))
    for (worth, _), group in groupby(wanted, key=lambda each: (each.worth, bool(each.syntax))):
        alike = list(group)
        syntaxes = tuple(dict.fromkeys(each.syntax for each in alike if each.syntax))
        yield alike, Choice(offer, syntaxes, refused, -worth)


def choose(header: str | None, offered: tuple[Offer, ...], parameter: str | None = None) -> Choice:
    """The best accepted offer. Raises NotAcceptable."""
    return acceptable(header, offered, parameter)[0]


def _specificity(media_range: MediaRange, offer: Offer) -> int:
    """How closely the range fits the offer; 0 where it does not."""
    if media_range.name == "*/*":
        return 1
    wanted = media_range.name
    if offer.is_multipart:
        if wanted not in (MULTIPART_RELATED, "multipart/*"):
            return 0
        wanted = media_range.part_type or "*/*"
    if wanted == "*/*":
        return 2
    if wanted == offer.media_type:
        return 4
    return 3 if wanted.endswith("/*") and offer.media_type.startswith(wanted[:-1]) else 0


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 1.0
    return quality if 0 <= quality <= 1 else 1.0
