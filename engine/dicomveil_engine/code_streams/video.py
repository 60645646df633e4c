"""Video (PS3.5 Sections 8.2.5 to 8.2.16): user data of MPEG-2, SEI of H.264 and HEVC, and the boxes of MP4.

A video is one stream over all fragments, and its own tables count its bytes: nothing is left out, what is removed is
overwritten in its place. SEI becomes filler data, boxes become free space. What stands in MPEG transport and program
streams is cut into packets and passes unread, and so do samples of MP4 files in which sound stands between pictures.
"""

from __future__ import annotations

import re

from dicomveil_engine.code_streams.boxes import box_head
from dicomveil_engine.code_streams.stream import Bytes, unclean

_MPEG2 = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in ("100", "100.1", "101", "101.1"))
_H264 = frozenset(f"1.2.840.10008.1.2.4.{number}{part}" for number in range(102, 107) for part in ("", ".1"))
_HEVC = frozenset(("1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108"))
VIDEO = _MPEG2 | _H264 | _HEVC

_SIGNATURE = 12
_START = b"\0\0\1"
_PACKETS = (b"\0\0\1\xba", b"\x47")
"""With which a program stream and a transport stream begin (ISO/IEC 13818-1)."""


class VideoStream:
    """All of a video."""

    is_complete = False
    may_end = False

    def __init__(self, syntax: str) -> None:
        self._syntax = syntax
        self._held = b""
        self._inner: _UnitStream | _MP4 | None = None
        self._is_passed = False

    def feed(self, data: bytes) -> list[Bytes]:
        """The same bytes, with what is removed overwritten."""
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
        """The last bytes, which could have been the beginning of something."""
        return self._inner.close() if self._inner else []

    def _stream_of(self, data: bytes) -> _UnitStream | _MP4:
        units = _UNITS["mpeg2" if self._syntax in _MPEG2 else "h264" if self._syntax in _H264 else "hevc"]
        if data[4:8] == b"ftyp":
            return _MP4(units)
        if _START in data[:_SIGNATURE] and not data[: data.index(_START)].strip(b"\0"):
            return _UnitStream(units)
        raise unclean("has a video that is not of a kind that is known")


class _Units:
    """How units to be removed are found, and what replaces them."""

    def __init__(self, first: bytes, head: bytes, last: bytes) -> None:
        self.pattern = re.compile(_START + b"[" + first + b"]", re.DOTALL)
        self.first = re.compile(b"[" + first + b"]", re.DOTALL)
        self.head = head
        """What their first bytes become."""
        self.last = last
        """The last one of them, behind as many FF as there is room for."""


_UNITS = {
    "mpeg2": _Units(b"\xb2", b"\xb2", b"\xff"),  # user_data (ISO/IEC 13818-2 Section 6.2.2.2.2)
    "h264": _Units(b"\x06\x26\x46\x66", b"\x0c", b"\x80"),  # SEI; filler data (ISO/IEC 14496-10 Table 7-1)
    "hevc": _Units(b"\x4e-\x51", b"\x4c\x01", b"\x80"),  # prefix and suffix SEI; filler data (ISO/IEC 23008-2)
}


class _UnitStream:
    """An elementary stream: units behind start codes (Annex B of ISO/IEC 14496-10)."""

    def __init__(self, units: _Units) -> None:
        self._units = units
        self._held = b""
        self._at = -1
        """How many bytes of a unit that is removed have arrived; -1 in one that is kept."""

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
            else:
                end = data.find(_START, position)
                if end < 0:
                    end = max(position, size - 4)
                    out.append(self._blank(end - position))
                    position = end
                    break
                # The zero of a longer start code is not the unit's.
                code = end - 1 if end > position and not data[end - 1] else end
                out += (self._blank(code - position, is_last=True), data[code:end])
                position, self._at = end, -1
        self._held = data[position:]
        return out

    def close(self) -> list[Bytes]:
        held, self._held = self._held, b""
        return [held if self._at < 0 else self._blank(len(held), is_last=True)]

    def _blank(self, size: int, *, is_last: bool = False) -> bytes:
        """So many bytes in place of those of the removed unit."""
        new = _blank(self._units, self._at, size, is_last=is_last)
        self._at += size
        return new


def _blank(units: _Units, at: int, size: int, *, is_last: bool) -> bytes:
    new = units.head[at : at + size]
    new += b"\xff" * (size - len(new))
    if is_last and size and at + size > len(units.head):
        new = new[:-1] + units.last
    return new


_CONTAINERS = frozenset(b"moov trak mdia minf dinf stbl edts mvex moof traf".split())
_NUMBERS = frozenset(
    b"ftyp stts stss stsc stsz stz2 stco co64 ctts cslg sdtp sgpd sbgp elst vmhd smhd nmhd mehd trex"
    b" mfhd tfhd tfdt trun sidx dref".split()
)
"""Boxes that hold numbers of fixed meaning (ISO/IEC 14496-12)."""
_TIMES = frozenset(b"mvhd tkhd mdhd".split())
_LONGEST_DESCRIPTION = 1 << 16
_ENTRY_BYTES = 86
"""Length of a video's sample entry, before its boxes; the name of the compressor is the 32 bytes at 50."""


class _MP4:
    """A file of boxes. Numbers pass, times become zero, names become blank, and what is unknown becomes free space."""

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
                raise unclean("has an MP4 file whose boxes have no length")
            if kind in _CONTAINERS:
                length = 0
            elif kind in _TIMES | {b"hdlr", b"stsd"}:
                if not 0 <= length <= _LONGEST_DESCRIPTION:
                    raise unclean("has an MP4 file whose descriptions are too long")
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
        # The head of a box that is cut off says nothing.
        held, self._held = self._held, b""
        return [bytes(len(held))]

    def _content(self, data: bytes) -> list[Bytes]:
        if self._nal:
            return self._nal.feed(data)
        return [bytes(len(data)) if self._kind == b"free" else data]


class _Samples:
    """The content of `mdat`: units behind their lengths, as far as there are nothing but those."""

    def __init__(self, units: _Units, size: int) -> None:
        self._units = units
        self._rest = size if size >= 0 else 1 << 62
        self._head = b""
        self._left = 0
        self._at = -1
        self._is_read = units.last == b"\x80"
        """Whether what has come were units: of MPEG-2 there are none."""

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
        goes = bool(self._units.first.match(head[4:]))
        self._left, self._at = length - 1, 1 if goes else -1
        return [head[:4] + self._units.head[:1] if goes else head]


def _described(kind: bytes, content: bytes) -> bytes:
    """The content of a box that says when it was made, by whom or by what."""
    new = bytearray(content)
    if kind in _TIMES:
        times = 16 if content[:1] == b"\1" else 8
        new[4 : 4 + times] = bytes(len(new[4 : 4 + times]))
    elif kind == b"hdlr":
        new[24:] = bytes(len(new[24:]))
    else:
        _describe_samples(new)
    return bytes(new)


_ENTRY_BOXES = frozenset(b"avcC hvcC pasp btrt colr clap".split())


def _describe_samples(new: bytearray) -> None:
    """Blank the compressor's name, and the boxes that say nothing of how to decode."""
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
