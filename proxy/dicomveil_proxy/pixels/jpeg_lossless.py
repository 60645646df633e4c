"""JPEG Lossless (ISO/IEC 10918-1 process 14), decoded: no package under a permissive licence does it.

Every selection value, point transform, restart interval and up to four interleaved components of one size; what
else the standard knows is refused with ValueError, as is a damaged code stream. About half a second for a
picture of 512 by 512. Nothing here knows of DICOM.
"""

from __future__ import annotations

import re
import struct
from array import array
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_RESTART = re.compile(rb"\xff+[\xd0-\xd7]")
_START_OF_FRAME, _TABLES, _SCAN, _INTERVAL, _END = 0xC3, 0xC4, 0xDA, 0xDD, 0xD9
_OTHER_FRAMES = frozenset((*range(0xC0, 0xC3), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_MAXIMUM_BITS = 32
"""Of one sample: a code of 16, and 16 of the difference."""
_REFILL = 6
"""Bytes at a time."""

_Table = tuple[tuple[int, ...], bytes]
"""How many codes there are of each length, 1 to 16, and the categories in their order."""


@dataclass
class _Stream:
    """What the markers say."""

    precision: int = 0
    rows: int = 0
    columns: int = 0
    components: tuple[int, ...] = ()
    tables: dict[int, _Table] = field(default_factory=dict)
    interval: int = 0
    selected: tuple[int, ...] = ()
    """Of each component in the scan, its table."""
    predictor: int = 0
    transform: int = 0


def decode(data: bytes, maximum_samples: int) -> tuple[NDArray[np.uint16], int]:
    """The samples, as rows by columns by components, and their precision in bits; raises ValueError."""
    stream = _Stream()
    try:
        start = _read_markers(data, stream)
    except (struct.error, IndexError):
        raise ValueError("the code stream is cut off") from None
    count = stream.rows * stream.columns * len(stream.components)
    if not 0 < count <= maximum_samples or not 2 <= stream.precision <= 16:
        raise ValueError("the code stream has another size than it should")
    segments = _RESTART.split(data[start:]) if stream.interval else [data[start:]]
    rows = stream.interval // stream.columns if stream.interval else stream.rows
    if stream.interval % stream.columns or len(segments) != -(-stream.rows // max(rows, 1)):
        raise ValueError("the restart intervals do not fit the picture")
    tables = [_lookup(stream.tables[number]) for number in stream.selected]
    parts = []
    for number, segment in enumerate(segments):
        height = min(rows, stream.rows - number * rows)
        differences = _differences(segment, height * stream.columns * len(tables), tables)
        shaped = np.frombuffer(differences, np.int32).astype(np.int64).reshape(height, stream.columns, len(tables))
        parts.append(_predicted(shaped, stream.predictor, 1 << (stream.precision - stream.transform - 1)))
    samples = np.concatenate(parts) << stream.transform
    return (samples & ((1 << stream.precision) - 1)).astype(np.uint16), stream.precision


def _read_markers(data: bytes, stream: _Stream) -> int:
    """Read up to the entropy-coded data; where they begin."""
    if data[:2] != b"\xff\xd8":
        raise ValueError("the code stream is no JPEG")
    position = 2
    while True:
        while data[position] == 0xFF and data[position + 1] == 0xFF:
            position += 1  # fill bytes
        if data[position] != 0xFF:
            raise ValueError("the code stream has no marker where one should be")
        marker = data[position + 1]
        if marker in _OTHER_FRAMES or marker == _END:
            raise ValueError("the code stream is no JPEG Lossless")
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if length < 2:
            raise ValueError("the code stream is cut off")
        segment = data[position + 4 : position + 2 + length]
        if marker == _START_OF_FRAME:
            stream.precision, stream.rows, stream.columns, count = struct.unpack_from(">BHHB", segment)
            stream.components = tuple(segment[6 + 3 * number] for number in range(count))
            if any(segment[7 + 3 * number] != 0x11 for number in range(count)) and count > 1:
                raise ValueError("the components have different sizes")
        elif marker == _TABLES:
            _read_tables(segment, stream.tables)
        elif marker == _INTERVAL:
            (stream.interval,) = struct.unpack(">H", segment)
        elif marker == _SCAN:
            _read_scan(segment, stream)
            return position + 2 + length
        position += 2 + length


def _read_tables(segment: bytes, tables: dict[int, _Table]) -> None:
    while segment:
        counts = tuple(segment[1:17])
        end = 17 + sum(counts)
        if len(segment) < end:
            raise ValueError("a Huffman table is cut off")
        tables[segment[0]] = (counts, segment[17:end])
        segment = segment[end:]


def _read_scan(segment: bytes, stream: _Stream) -> None:
    count = segment[0]
    named = tuple(segment[1 + 2 * number] for number in range(count))
    stream.selected = tuple(segment[2 + 2 * number] >> 4 for number in range(count))
    stream.predictor, stream.transform = segment[1 + 2 * count], segment[3 + 2 * count] & 15
    if not stream.components or named != stream.components or not 1 <= count <= 4:
        raise ValueError("the components are not all in one scan")
    if not 1 <= stream.predictor <= 7 or stream.transform >= stream.precision:
        raise ValueError("the scan has a selection value or point transform that there is not")
    if any(number not in stream.tables for number in stream.selected):
        raise ValueError("the scan names a Huffman table that is not there")


@lru_cache(maxsize=8)
def _lookup(table: _Table) -> tuple[list[int], list[int], list[int]]:
    """For each 16 bits that may come next: bits of the code, its category, and the difference where they hold it.

    A code of no bits is none.
    """
    counts, categories = table
    lengths, found, differences = [0] * 65536, [0] * 65536, [0] * 65536
    code = place = 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            category = categories[place]
            place += 1
            first, last = code << (16 - length), (code + 1) << (16 - length)
            if last > 65536 or category > 16:
                raise ValueError("a Huffman table has codes that cannot be")
            lengths[first:last] = [length] * (last - first)
            found[first:last] = [category] * (last - first)
            room = 16 - length - category
            for window in range(first, last) if room >= 0 else ():
                differences[window] = _difference(window >> room & ((1 << category) - 1), category)
            code += 1
        code <<= 1
    return lengths, found, differences


def _difference(bits: int, category: int) -> int:
    """Table H.2; of 16 bits there is one difference only, and nothing follows, so that those are not asked for."""
    return bits if not category or bits >> (category - 1) else bits - (1 << category) + 1


def _differences(segment: bytes, count: int, tables: list[tuple[list[int], list[int], list[int]]]) -> array[int]:
    """The differences of one restart interval, of all components in turn."""
    data = segment.replace(b"\xff\x00", b"\xff")
    end = len(data) * 8
    data += bytes(_REFILL + 4)
    found = array("i", bytes(4 * count))
    held = bits = position = 0
    turns = len(tables)
    lengths, categories, differences = tables[0]
    for place in range(count):
        if turns > 1:
            lengths, categories, differences = tables[place % turns]
        if bits < _MAXIMUM_BITS:
            chunk = data[position : position + _REFILL]
            held = (held & ((1 << bits) - 1)) << (8 * len(chunk)) | int.from_bytes(chunk, "big")
            position += len(chunk)
            bits += 8 * len(chunk)
            if bits < _MAXIMUM_BITS:
                raise ValueError("the code stream is cut off")
        window = held >> (bits - 16) & 0xFFFF
        length = lengths[window]
        if not length:
            raise ValueError("the code stream has a code that there is not")
        category = categories[window]
        if category == 16:  # Table H.2
            found[place] = 32768
            bits -= length
        elif length + category <= 16:
            found[place] = differences[window]
            bits -= length + category
        else:
            bits -= length + category
            found[place] = _difference(held >> bits & ((1 << category) - 1), category)
    if 8 * position - bits > end:
        raise ValueError("the code stream is cut off")
    return found


def _predicted(differences: NDArray[np.int64], predictor: int, first: int) -> NDArray[np.int64]:
    """Add each difference to what is predicted of its neighbours (Table H.1), modulo 2 to the 16."""
    differences[0, 0] += first
    if predictor == 2:
        differences[0] = np.cumsum(differences[0], axis=0)
        return np.cumsum(differences, axis=0) & 0xFFFF
    # The first column is predicted of the sample above, the first row of the one before.
    differences[:, 0] = np.cumsum(differences[:, 0], axis=0)
    if predictor == 1:
        return np.cumsum(differences, axis=1) & 0xFFFF
    differences[:, 0] &= 0xFFFF
    differences[0] = np.cumsum(differences[0], axis=0) & 0xFFFF
    for component in range(differences.shape[2]):
        above = differences[0, :, component].tolist()
        for row in range(1, len(differences)):
            above = _row(differences[row, :, component].tolist(), above, predictor)
            differences[row, :, component] = above
    return differences


def _row(row: list[int], above: list[int], predictor: int) -> list[int]:
    left = row[0]
    for column in range(1, len(row)):
        up, corner = above[column], above[column - 1]
        if predictor == 3:
            predicted = corner
        elif predictor == 4:
            predicted = left + up - corner
        elif predictor == 5:
            predicted = left + ((up - corner) >> 1)
        elif predictor == 6:
            predicted = up + ((left - corner) >> 1)
        else:
            predicted = (left + up) >> 1
        left = row[column] = row[column] + predicted & 0xFFFF
    return row
