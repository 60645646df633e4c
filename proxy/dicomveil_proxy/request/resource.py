"""The resource in a path: a study, series or instance, and its representation (PS3.18 Section 10.4).

Paths are parsed into a `Resource`, and rebuilt from one. They are never forwarded, so that everything that reaches the
origin server was validated here. A resource is in pseudonymised space (`Resource[PseudonymousUID]`) or in original
space (`Resource[OriginalUID]`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar
from urllib.parse import quote

from dicomveil_engine.pseudonyms.sides import OriginalUID, PseudonymousUID
from dicomveil_proxy.errors import BadRequest, UnknownResource

MAXIMUM_FRAMES = 10_000
"""Frames that one request may list; more would not fit into a URL of 64 KiB, a common limit of servers."""

MAXIMUM_BULK_DEPTH = 32
"""Nested sequences in the path of bulk data."""

# The first character is a digit, so that `.` and `..` are not UIDs: a server that normalises paths would leave the
# study. Empty components and leading zeros violate PS3.5 Section 9.1, but exist in practice.
_UID = re.compile(r"[0-9][0-9.]{0,63}")
_HARMLESS = re.compile(r"[ -$&-.0-\[\]-~]{1,256}")
"""Printable ASCII without slash, backslash and percent sign. PS3.5 Section 9.1 allows 64 characters in a UID, but
archives have longer ones."""
_ORDINAL = re.compile(r"[1-9][0-9]{0,8}")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_ENCODED_COMMA = re.compile("%2c", re.IGNORECASE)


UID = TypeVar("UID", OriginalUID, PseudonymousUID)
"""Whether a resource is in original or in pseudonymised space."""


class Representation(Enum):
    """The form in which a resource is retrieved."""

    DATASET = ""
    METADATA = "metadata"
    FRAMES = "frames"
    BULKDATA = "bulk"
    RENDERED = "rendered"
    THUMBNAIL = "thumbnail"


@dataclass(frozen=True, slots=True)
class BulkPath:
    """The path of a bulk data value in a data set."""

    tag: int
    """0xGGGGEEEE, of the element with the value."""
    items: tuple[tuple[int, int], ...] = ()
    """The items around the element, outermost first: tag of the sequence, and number of the item, from 1."""

    @property
    def tags(self) -> tuple[int, ...]:
        """The tags of the sequences and the element, outermost first."""
        return (*(tag for tag, _ in self.items), self.tag)

    def path(self) -> str:
        """The path after `bulk/` in a URL, in lower case as Orthanc has it."""
        return "".join(f"{tag:08x}/{number}/" for tag, number in self.items) + f"{self.tag:08x}"

    @classmethod
    def parse(cls, steps: list[str]) -> BulkPath:
        """Read steps such as `["00880200", "1", "7fe00010"]`. Raises UnknownResource."""
        tags, numbers = steps[::2], steps[1::2]
        if (
            len(tags) != len(numbers) + 1
            or len(numbers) > MAXIMUM_BULK_DEPTH
            or not all(_TAG.fullmatch(tag) for tag in tags)
            or not all(_ORDINAL.fullmatch(number) for number in numbers)
        ):
            raise UnknownResource("the path names no bulk data")
        way = zip(tags, numbers, strict=False)
        return cls(int(tags[-1], 16), tuple((int(tag, 16), int(number)) for tag, number in way))


@dataclass(frozen=True, slots=True)
class Resource(Generic[UID]):
    """The resource of one retrieve request. Raises UnknownResource for UIDs that cannot be part of a path."""

    study: UID
    series: UID | None = None
    instance: UID | None = None
    frames: tuple[int, ...] = ()
    """Frame numbers, from 1, in the order of the request; only with an instance."""
    bulk: BulkPath | None = None
    representation: Representation = Representation.DATASET

    def __post_init__(self) -> None:
        for uid in (self.study, self.series, self.instance):
            if uid is not None:
                check_original(uid)
        of_instance = self.instance is not None
        framed = self.representation in (
            Representation.FRAMES,
            Representation.RENDERED,
            Representation.THUMBNAIL,
        )
        if (
            (of_instance and self.series is None)
            or (self.frames and not (of_instance and framed))
            or (self.representation is Representation.FRAMES and not self.frames)
            or (self.bulk is not None) != (self.representation is Representation.BULKDATA)
            or (self.bulk is not None and not of_instance)
        ):
            raise UnknownResource("there is no such kind of resource")

    def path(self) -> str:
        """The path below the root of the service, with a leading slash."""
        path = f"/studies/{self.study}"
        if self.series is not None:
            path += f"/series/{self.series}"
        if self.instance is not None:
            path += f"/instances/{self.instance}"
        if self.frames:
            path += "/frames/" + ",".join(map(str, self.frames))
        if self.bulk is not None:
            return f"{path}/bulk/{self.bulk.path()}"
        if self.representation in (Representation.DATASET, Representation.FRAMES):
            return path
        return f"{path}/{self.representation.value}"

    @staticmethod
    def parse(path: str) -> Resource[PseudonymousUID]:
        """Read a path below the root of the service, percent-decoded or not.

        Raises UnknownResource for a path without a retrievable resource, BadRequest for an invalid list of frames.
        """
        steps = path.split("/")
        if steps[0] == "":
            del steps[0]
        uids: list[PseudonymousUID | None] = []
        for level in ("studies", "series", "instances"):
            if steps[:1] != [level] or len(steps) < 2:
                break
            uids.append(parse_uid(steps[1]))
            del steps[:2]
        study, series, instance = (*uids, None, None, None)[:3]
        if study is None:
            raise UnknownResource("there is no such kind of resource")
        if not steps:
            return Resource(study, series, instance)
        if steps[0] == "bulk":
            bulk = BulkPath.parse(steps[1:])
            return Resource(study, series, instance, bulk=bulk, representation=Representation.BULKDATA)
        frames: tuple[int, ...] = ()
        if steps[0] == "frames" and len(steps) > 1:
            frames = parse_frames(steps[1])
            del steps[:2]
        representation = _REPRESENTATIONS.get("/".join(steps))
        if representation is None and frames and not steps:
            representation = Representation.FRAMES
        if representation is None:
            raise UnknownResource("there is no such kind of resource")
        return Resource(study, series, instance, frames, representation=representation)


OutsideResource = Resource[PseudonymousUID]
"""A resource in pseudonymised space."""
OriginalResource = Resource[OriginalUID]
"""A resource at the origin server."""

_REPRESENTATIONS = {
    member.value: member for member in (Representation.METADATA, Representation.RENDERED, Representation.THUMBNAIL)
}


def parse_uid(text: str) -> PseudonymousUID:
    """The UID from a request's path. Raises UnknownResource."""
    if not _UID.fullmatch(text):
        raise UnknownResource("the path contains an invalid UID")
    return PseudonymousUID(text)


def check_original(text: str) -> str:
    """A UID from the origin server, valid or not. Raises UnknownResource if it cannot be part of a path.

    Archives have UIDs with letters, and longer ones than PS3.5 Section 9.1 allows. Slashes, percent signs and dot
    segments are refused even if escaped, since a server may decode a path before it routes it.
    """
    if not _HARMLESS.fullmatch(text) or not text.strip(". "):
        raise UnknownResource("there is no such resource")
    return text


def original_step(text: str) -> str:
    """An original UID as an escaped path segment. Raises UnknownResource."""
    return text if _UID.fullmatch(text) else quote(check_original(text), safe="")


def parse_frames(text: str) -> tuple[int, ...]:
    """Read a list of frame numbers, from 1 (PS3.18 Section 10.4.1.1.6); commas may be percent-encoded."""
    numbers = _ENCODED_COMMA.sub(",", text).split(",")
    if len(numbers) > MAXIMUM_FRAMES:
        raise BadRequest(f"a request may list at most {MAXIMUM_FRAMES} frames")
    if not all(_ORDINAL.fullmatch(number) for number in numbers):
        raise BadRequest("a list of frames has frame numbers, from 1, separated by commas")
    return tuple(map(int, numbers))
