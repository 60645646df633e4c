"""Data sets to test with: policies, an encoder for hand-made bytes, generated ones, and the folder of real ones.

The encoder shares nothing with the engine's. Values are literals: nothing here comes from a patient.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pydicom
from hypothesis import strategies as st

from dicomveil_engine import InstanceRewriter, Policy, load_policy

KEY = b"k" * 32
UNDEFINED = 0xFFFFFFFF

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
SYNTAXES = (IMPLICIT, EXPLICIT, BIG, DEFLATED)
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"

_LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
_NUMBERS = {"AT": "I", "FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}


@cache
def preset(name: str) -> Policy:
    """A shipped policy, over attributes alone: text in pixels passes. test_pixels_release has them as shipped."""
    return load_policy({"profile": name, "pixels": "keep"}, KEY)


def rules(*written: dict[str, object], profile: str = "none", **more: object) -> Policy:
    """A policy of these rules; text in pixels passes."""
    return load_policy({"profile": profile, "rules": list(written), "pixels": "keep", **more}, KEY)


def rule(tag: str, method: str, **params: object) -> dict[str, object]:
    """One rule as a configuration writes it."""
    return {"tag": tag, "method": method, "params": params}


def element(tag: int, vr: str, value: object, syntax: str = EXPLICIT, *, length: int | None = None) -> bytes:
    """One element: text, bytes, numbers, or for SQ a list of items that are bytes already (of defined length)."""
    if isinstance(value, str):
        value = value.encode("latin-1")
    if vr in _NUMBERS and isinstance(value, int | float | list | tuple):
        value = _numbers(vr, value if isinstance(value, list | tuple) else [value], syntax)
    elif isinstance(value, list | tuple):
        value = b"".join(item(one, syntax) for one in value)
    assert isinstance(value, bytes), vr
    if len(value) % 2:
        value += b"\0" if vr in {"UI", "OB", "UN"} else b" "
    return header(tag, vr, len(value) if length is None else length, syntax) + value


def header(tag: int, vr: str, length: int, syntax: str = EXPLICIT) -> bytes:
    """What stands before a value (PS3.5 Section 7.1)."""
    order = ">" if syntax == BIG else "<"
    start = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT or tag >> 16 == 0xFFFE:
        return start + struct.pack(order + "I", length)
    if vr in _LONG:
        return start + vr.encode() + b"\0\0" + struct.pack(order + "I", length)
    return start + vr.encode() + struct.pack(order + "H", length)


def item(content: bytes, syntax: str = EXPLICIT, *, is_open: bool = False) -> bytes:
    """An item of defined length, or one that ends with a delimiter (PS3.5 Section 7.5)."""
    if is_open:
        return header(0xFFFEE000, "", UNDEFINED, syntax) + content + header(0xFFFEE00D, "", 0, syntax)
    return header(0xFFFEE000, "", len(content), syntax) + content


def open_sequence(tag: int, items: bytes, syntax: str = EXPLICIT, vr: str = "SQ") -> bytes:
    """A sequence of undefined length; `items` are its items, with their heads."""
    return header(tag, vr, UNDEFINED, syntax) + items + header(0xFFFEE0DD, "", 0, syntax)


def fragments(*values: bytes) -> bytes:
    """Encapsulated Pixel Data with an empty offset table (PS3.5 Section A.4)."""
    return open_sequence(0x7FE00010, item(b"") + b"".join(map(item, values)), vr="OB")


def file_meta(syntax: str = EXPLICIT, more: bytes = b"", preamble: bytes = bytes(128)) -> bytes:
    """Preamble, prefix and File Meta Information."""
    group = b"".join(
        (
            element(0x00020001, "OB", b"\0\1"),
            element(0x00020002, "UI", CT_IMAGE),
            element(0x00020003, "UI", "1.2.3.4.5"),
            element(0x00020010, "UI", syntax),
            more,
        )
    )
    return preamble + b"DICM" + element(0x00020000, "UL", len(group)) + group


def instance(*elements: bytes, syntax: str = EXPLICIT) -> bytes:
    """A Part 10 instance of these elements, which must be encoded in its syntax."""
    body = b"".join(elements)
    if syntax == DEFLATED:
        deflate = zlib.compressobj(wbits=-15)
        body = deflate.compress(body) + deflate.flush()
    return file_meta(syntax) + body


def body(output: bytes) -> bytes:
    """The data set of one of our outputs, inflated."""
    syntax, start = _meta_of(output)
    return zlib.decompress(output[start:], wbits=-15) if syntax == DEFLATED else output[start:]


def _meta_of(output: bytes) -> tuple[str, int]:
    meta = pydicom.filereader.read_partial(io.BytesIO(output), stop_when=lambda *_: True).file_meta
    return str(meta.TransferSyntaxUID), 128 + 4 + 12 + int(meta.FileMetaInformationGroupLength)


def _numbers(vr: str, values: Sequence[float], syntax: str) -> bytes:
    order = ">" if syntax == BIG else "<"
    if vr == "AT":
        return b"".join(struct.pack(order + "HH", int(tag) >> 16, int(tag) & 0xFFFF) for tag in values)
    return struct.pack(f"{order}{len(values)}{_NUMBERS[vr]}", *values)


def rewritten(policy: Policy, chunks: Iterable[bytes]) -> bytes:
    """What the rewriter gives for an instance that comes in these chunks."""
    rewriter = InstanceRewriter(policy)
    out = [bytes(piece) for chunk in chunks for piece in rewriter.feed(chunk)]
    return b"".join((*out, *map(bytes, rewriter.close())))


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """The bytes in chunks of one size."""
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes) -> pydicom.Dataset:
    """The data set as pydicom reads it, without its warnings."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
        dataset.walk(lambda *_: None)
    return dataset


def real_instances(corpus: Path, largest: int = 1 << 30) -> list[tuple[str, bytes]]:
    """The real instances of a folder up to a size, broken ones too."""
    paths = sorted(corpus.glob("*.dcm")) + sorted(corpus.glob("odd/*.dcm"))
    assert paths
    return [(path.name, path.read_bytes()) for path in paths if path.stat().st_size <= largest]


# Generated data sets

Nodes = Mapping[int, tuple[str, object]]
"""Tag → VR and value; the value of SQ is a list of Nodes."""

_TEXT = st.text("abcDEF ,12", max_size=12).map(str.strip)
_WORDS = st.one_of(st.sampled_from(["Doe", "seen by Doe on 2020-01-02", "PATIENT-1", "call 555 1234567", ""]), _TEXT)
_UIDS = st.sampled_from(["1.2.3", "1.2.3.4", "1.2.840.10008.5.1.4.1.1.2", "1.2.3\\1.2.4", ""])
_VALUES: dict[str, st.SearchStrategy[object]] = {
    "AE": st.just("STATION"),
    "AS": st.sampled_from(["045Y", "095Y", ""]),
    "AT": st.lists(st.sampled_from([0x00100010, 0x00280010]), max_size=2),
    "CS": st.sampled_from(["CT", "A\\B", ""]),
    "DA": st.sampled_from(["20200102", "20191231\\20200101", "2020", ""]),
    "DS": st.sampled_from(["1.5", "-2", "1\\2.25\\3", ""]),
    "DT": st.sampled_from(["20200102030405.5+0100", "2020", "noon"]),
    "FD": st.lists(st.sampled_from([0.5, 2.0, -1.25]), max_size=2),
    "FL": st.lists(st.sampled_from([0.5, 2.0, -1.25]), max_size=2),
    "IS": st.sampled_from(["1", "2\\3", ""]),
    "LO": _WORDS,
    "LT": _WORDS,
    "OB": st.binary(max_size=5),
    "OW": st.binary(max_size=6).map(lambda value: value[: len(value) // 2 * 2]),
    "PN": st.sampled_from(["Doe^Jane", "Roe^Ann=B=C", ""]),
    "SH": _WORDS,
    "SL": st.lists(st.integers(-9, 9), max_size=2),
    "SS": st.lists(st.integers(-9, 9), max_size=2),
    "ST": _WORDS,
    "TM": st.sampled_from(["101112", ""]),
    "UI": _UIDS,
    "UL": st.lists(st.integers(0, 9), max_size=2),
    "UN": st.binary(max_size=5),
    "US": st.lists(st.integers(0, 9), max_size=2),
    "UR": st.sampled_from(["http://example.org/Doe", ""]),
    "UT": _WORDS,
}
_TABLE = """
00080008 CS  00080016 UI  00080018 UI  00080020 DA  0008002A DT  00080030 TM  00080050 SH
00080060 CS  00080070 LO  00080090 PN  00081030 LO  00081155 UI  00081190 UR  00090010 LO
00091001 LO  00091002 UN  00091003 PN  00100010 PN  00100020 LO  00100030 DA  00101010 AS
00101030 DS  00104000 LT  00120062 CS  00120063 LO  00180015 CS  00181250 SH  00186012 US
00186018 UL  00186020 SL  00189074 DT  00189087 FD  00189098 FD  00189219 SS  0020000D UI
0020000E UI  00200013 IS  00204000 LT  00209056 SH  00280009 AT  00280303 CS  00281201 OW
00400244 DA  0040A120 DT  0040A160 UT  00420011 OB  00700010 FL  00720066 LO
"""
_ATTRIBUTES = dict(zip((int(tag, 16) for tag in _TABLE.split()[::2]), _TABLE.split()[1::2], strict=True))
_SEQUENCES = (0x00081140, 0x00082112, 0x00101002, 0x00120064, 0x00400555, 0x0040A730, 0x00540016)


def _nodes(depth: int) -> st.SearchStrategy[Nodes]:
    elements: dict[int, st.SearchStrategy[tuple[str, object]]] = {
        tag: st.tuples(st.just(vr), _VALUES[vr]) for tag, vr in _ATTRIBUTES.items() if vr in _VALUES
    }
    if depth:
        items = st.lists(_nodes(depth - 1), max_size=2)
        elements |= {tag: st.tuples(st.just("SQ"), items) for tag in _SEQUENCES}
    chosen = st.sets(st.sampled_from(sorted(elements)), max_size=12 if depth == _DEPTH else 4)
    return chosen.flatmap(lambda tags: st.fixed_dictionaries({tag: elements[tag] for tag in sorted(tags)}))


_DEPTH = 2
generated = st.builds(
    lambda nodes, ids: {**nodes, **ids},
    _nodes(_DEPTH),
    st.fixed_dictionaries(
        {0x0020000D: st.just(("UI", "1.2.3")), 0x00080018: st.just(("UI", "1.2.3.9"))},
        optional={0x00090010: st.just(("LO", "EXAMPLE"))},
    ),
)
"""Data sets of a few levels, with a private block, marks of an earlier de-identification, and no character set."""


def encoded(nodes: Nodes, syntax: str, *, is_open: bool = False) -> bytes:
    """The elements in an encoding; sequences and items of undefined length if `is_open`."""
    out = []
    plain = EXPLICIT if syntax in {DEFLATED, JPEG} else syntax
    for tag, (vr, value) in sorted(nodes.items()):
        if vr != "SQ":
            out.append(element(tag, vr, value, plain))
            continue
        assert isinstance(value, list)
        items = [encoded(one, syntax, is_open=is_open) for one in value]
        if is_open:
            out.append(open_sequence(tag, b"".join(item(one, plain, is_open=True) for one in items), plain))
        else:
            out.append(element(tag, vr, items, plain))
    return b"".join(out)
