"""Video (PS3.5 Sections 8.2.5 to 8.2.16): user data of MPEG-2, SEI of H.264 and HEVC, and the boxes of MP4.

A video is one stream over all fragments, and its own tables contain offsets, so that metadata is overwritten in place:
SEI becomes filler data, boxes become free space. MPEG transport and program streams, and samples of MP4 files with
sound between the pictures, are passed unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dicomveil_engine.code_streams.boxes import box_head
from dicomveil_engine.code_streams.stream import Bytes, unclean

_MPEG2 = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in ("100", "100.1", "101", "101.1"))
_H264 = frozenset(f"1.2.840.10008.1.2.4.{number}{part}" for number in range(102, 107) for part in ("", ".1"))
_HEVC = frozenset(("1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108"))
VIDEO = _MPEG2 | _H264 | _HEVC

_SIGNATURE = 12
_START = b"\0\0\1"
_PACKETS = (b"\0\0\1\xba", b"\x47")
"""The first bytes of a program stream and of a transport stream (ISO/IEC 13818-1)."""


class VideoStream:
    """A whole video."""

    is_complete = False
    may_end = False

    def __init__(self, syntax: str) -> None:
        self._syntax = syntax
        self._held = b""
        self._inner: _UnitStream | _MP4 | None = None
        self._is_passed = False

    def feed(self, data: bytes) -> list[Bytes]:
        """The same bytes, with metadata overwritten."""
        if self._is_passed:
            return [data]
        if self._inner is None:
            self._held += data
            if len(self._held) < _SIGNATURE:
                return []
            data, self._held = self._held, b""
            if data.startswith(_PACKETS):
                self._is_passed = True
                return [data]
            self._inner = self._stream_of(data)
        return self._inner.feed(data)

    def close(self) -> list[Bytes]:
        """The held bytes."""
        return self._inner.close() if self._inner else []

    def _stream_of(self, data: bytes) -> _UnitStream | _MP4:
        units = _UNITS["mpeg2" if self._syntax in _MPEG2 else "h264" if self._syntax in _H264 else "hevc"]
        if data[4:8] == b"ftyp":
            return _MP4(units)
        if _START in data[:_SIGNATURE] and not data[: data.index(_START)].strip(b"\0"):
            return _UnitStream(units)
        raise unclean("has a video of an unknown kind")


class _Units:
    """How units that decoders do not read are found, and what replaces them."""

    def __init__(self, first: Iterable[int], ends: Iterable[int], head: bytes, last: bytes) -> None:
        """`first` are the first bytes of the units, `ends` those of units that have no content."""
        removed, ends = bytes(first), frozenset(ends)
        self.pattern = re.compile(_START + b"[" + re.escape(removed + bytes(ends)) + b"]", re.DOTALL)
        self.removed = frozenset(removed)
        self.ends = ends
        """Units that are kept, but for bytes in them, which become zeros."""
        self.head = head
        """The new first bytes of removed units."""
        self.last = last
        """Their new last byte; the bytes between are FF."""


def _h264(types: Iterable[int]) -> list[int]:
    """The first bytes of NAL units of these types (ISO/IEC 14496-10 Table 7-1), with every nal_ref_idc."""
    return [above << 5 | each for each in types for above in range(8)]


def _hevc(types: Iterable[int]) -> list[int]:
    """The first bytes of NAL units of these types (ISO/IEC 23008-2 Table 7-1), in every layer."""
    return [above << 7 | each << 1 | layer for each in types for above in range(2) for layer in range(2)]


_UNITS = {
    # user_data (ISO/IEC 13818-2 Section 6.2.2.2.2), reserved start codes, and those of system streams but for video.
    "mpeg2": _Units((0xB0, 0xB1, 0xB2, 0xB4, 0xB6, *range(0xB9, 0xE0), *range(0xF0, 0x100)), (0xB7,), b"\xb2", b"\xff"),
    # SEI, filler data, reserved and unspecified types; ends of sequence and stream.
    "h264": _Units(_h264((0, 6, 12, 16, 17, 18, *range(22, 32))), _h264((10, 11)), b"\x0c", b"\x80"),
    "hevc": _Units(_hevc((*range(10, 16), *range(22, 32), *range(38, 64))), (), b"\x4c\x01", b"\x80"),
}


class _UnitStream:
    """An elementary stream: units after start codes (ISO/IEC 14496-10 Annex B)."""

    def __init__(self, units: _Units) -> None:
        self._units = units
        self._held = b""
        self._at = -1
        """Bytes read of a unit that is overwritten; -1 in one that is kept."""
        self._is_end = False
        """Whether the unit that is overwritten is kept without content."""

    def feed(self, data: bytes) -> list[Bytes]:
        data = self._held + data if self._held else data
        out: list[Bytes] = []
        position, size = 0, len(data)
        while True:
            if self._at < 0:
                found = self._units.pattern.search(data, position)
                end = found.start() + 3 if found else max(position, size - 3)
                out.append(memoryview(data)[position:end])
                position = end
                if not found:
                    break
                self._at = 0
                self._is_end = data[position] in self._units.ends
            else:
                end = data.find(_START, position)
                if end < 0:
                    end = max(position, size - 4)
                    out.append(self._blank(data, position, end))
                    position = end
                    break
                # A zero before the start code belongs to a start code of four bytes.
                code = end - 1 if end > position and not data[end - 1] else end
                out += (self._blank(data, position, code, is_last=True), data[code:end])
                position, self._at = end, -1
        self._held = data[position:]
        return out

    def close(self) -> list[Bytes]:
        held, self._held = self._held, b""
        return [held if self._at < 0 else self._blank(held, 0, len(held), is_last=True)]

    def _blank(self, data: bytes, start: int, end: int, *, is_last: bool = False) -> bytes:
        """The bytes that replace the unit's next bytes."""
        size = end - start
        at, self._at = self._at, self._at + size
        if not self._is_end:
            return _blank(self._units, at, size, is_last=is_last)
        return data[start : start + 1] + bytes(size - 1) if size and not at else bytes(size)


def _blank(units: _Units, at: int, size: int, *, is_last: bool) -> bytes:
    new = units.head[at : at + size]
    new += b"\xff" * (size - len(new))
    if is_last and size and at + size > len(units.head):
        new = new[:-1] + units.last
    return new


_CONTAINERS = frozenset(b"moov trak mdia minf dinf stbl edts mvex moof traf".split())
_NUMBERS = frozenset(
    b"ftyp stts stss stsc stsz stz2 stco co64 ctts cslg sdtp sgpd sbgp elst vmhd smhd nmhd mehd trex"
    b" mfhd tfhd tfdt trun sidx".split()
)
"""Boxes with numbers only (ISO/IEC 14496-12)."""
_TIMES = frozenset(b"mvhd tkhd mdhd".split())
_LONGEST_DESCRIPTION = 1 << 16
_ENTRY_BYTES = 86
"""Length of a video sample entry before its boxes, including the compressor name in 32 bytes at 50."""


class _MP4:
    """An MP4 file. Numbers pass, times and names become zero, and unknown boxes become free space."""

    def __init__(self, units: _Units) -> None:
        self._units = units
        self._held = b""
        self._left = 0
        self._kind = b""
        self._nal: _Samples | None = None

    def feed(self, data: bytes) -> list[Bytes]:
        data = self._held + data if self._held else data
        out: list[Bytes] = []
        position, size = 0, len(data)
        while position < size:
            if self._left:
                step = size - position if self._left < 0 else min(self._left, size - position)
                out += self._content(data[position : position + step])
                position += step
                self._left -= step if self._left > 0 else 0
                continue
            found = box_head(data, position)
            if found is None:
                break
            kind, head, length = found
            if length < -1:
                raise unclean("has an MP4 file with a box of an invalid length")
            if kind in _CONTAINERS:
                length = 0
            elif kind in _TIMES | {b"hdlr", b"stsd", b"dref"}:
                if not 0 <= length <= _LONGEST_DESCRIPTION:
                    raise unclean("has an MP4 file with a description that is too long")
                if position + head + length > size:
                    break
                out += (data[position : position + head], _described(kind, data[position + head :][:length]))
                position += head + length
                continue
            name = kind if kind in _CONTAINERS or kind in _NUMBERS or kind == b"mdat" else b"free"
            out.append(data[position : position + 4] + name + data[position + 8 : position + head])
            self._kind, self._left = name, length
            self._nal = _Samples(self._units, length) if name == b"mdat" else None
            position += head
        self._held = data[position:]
        return out

    def close(self) -> list[Bytes]:
        # An incomplete head of a box is not passed.
        held, self._held = self._held, b""
        return [bytes(len(held))]

    def _content(self, data: bytes) -> list[Bytes]:
        if self._nal:
            return self._nal.feed(data)
        return [bytes(len(data)) if self._kind == b"free" else data]


class _Samples:
    """The content of `mdat`: units after their lengths, as far as there is nothing else."""

    def __init__(self, units: _Units, size: int) -> None:
        self._units = units
        self._rest = size if size >= 0 else 1 << 62
        self._head = b""
        self._left = 0
        self._at = -1
        self._is_read = units.last == b"\x80"
        """Whether everything so far was units; MPEG-2 has none."""

    def feed(self, data: bytes) -> list[Bytes]:
        out: list[Bytes] = []
        position = 0
        while position < len(data):
            if not self._is_read:
                out.append(data[position:])
                break
            if not self._left:
                step = min(5 - len(self._head), len(data) - position)
                self._head += data[position : position + step]
                position += step
                if len(self._head) == 5:
                    out += self._begin()
                continue
            step = min(self._left, len(data) - position)
            self._left -= step
            if self._at < 0:
                out.append(data[position : position + step])
            else:
                out.append(_blank(self._units, self._at, step, is_last=not self._left))
                self._at += step
            position += step
        return out

    def _begin(self) -> list[Bytes]:
        head, self._head = self._head, b""
        length = int.from_bytes(head[:4], "big")
        self._rest -= 4 + length
        if not length or self._rest < 0 or head[4] & 0x80:
            self._is_read = False
            return [head]
        is_removed = head[4] in self._units.removed
        self._left, self._at = length - 1, 1 if is_removed else -1
        return [head[:4] + self._units.head[:1] if is_removed else head]


def _described(kind: bytes, content: bytes) -> bytes:
    """The new content of a box with times, a handler's name, sample descriptions, or places of data."""
    new = bytearray(content)
    if kind in _TIMES:
        times = 16 if content[:1] == b"\1" else 8
        new[4 : 4 + times] = bytes(len(new[4 : 4 + times]))
    elif kind == b"hdlr":
        if content[8:12] not in _HANDLERS:
            raise unclean("has an MP4 file with a track of text or metadata")
        new[24:] = bytes(len(new[24:]))
    elif kind == b"dref":
        _clear_places(new)
    else:
        _describe_samples(new)
    return bytes(new)


_HANDLERS = frozenset((b"vide", b"soun", b"tmcd", b"hint", b"url ", b"alis"))
"""Handlers of tracks whose samples are not text: pictures, sound, time codes; and of data (QuickTime)."""


def _clear_places(new: bytearray) -> None:
    """Clear the names and URLs of data references: the data is in the file."""
    position = 8
    while (entry := box_head(bytes(new), position)) is not None:
        _, head, length = entry
        end = position + head + length if length >= 0 else len(new)
        begin = position + head + _VERSION_AND_FLAGS
        new[begin:end] = bytes(len(new[begin:end]))
        position = max(end, position + head)


_VERSION_AND_FLAGS = 4
_ENTRY_BOXES = frozenset(b"avcC hvcC pasp btrt colr clap".split())


def _describe_samples(new: bytearray) -> None:
    """Clear the compressor name, and the boxes that decoders do not need."""
    position = 8
    while (entry := box_head(bytes(new), position)) is not None:
        kind, head, length = entry
        end = position + head + length if length >= 0 else len(new)
        if kind in {b"avc1", b"avc3", b"hvc1", b"hev1"}:
            new[position + 50 : position + 82] = bytes(len(new[position + 50 : position + 82]))
            inner = position + _ENTRY_BYTES
            while inner < end and (box := box_head(bytes(new[:end]), inner)) is not None and box[2] >= 0:
                after = min(end, inner + box[1] + box[2])
                if box[0] not in _ENTRY_BOXES:
                    new[inner + 4 : inner + 8] = b"free"
                    new[inner + box[1] : after] = bytes(after - inner - box[1])
                inner = after
        if end <= position:
            break
        position = end
