"""What is fuzzed: for each reader of untrusted bytes a function, the errors that it may raise, and first inputs.

A target returns, or raises one of its documented errors. Everything else is a finding: another exception, too much
memory or time, and the sentinel in an output from which it had to be removed.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qsl

from dicomveil_engine import (
    ConfigurationError,
    EngineError,
    InstanceRewriter,
    InvalidDataSetError,
    MetadataRewriter,
    ObjectStream,
    Policy,
    load_policy,
)
from dicomveil_engine.code_streams.sniffing import image_of, stream_of
from dicomveil_engine.code_streams.stream import CodeStream
from dicomveil_engine.code_streams.whole import clean_fragments
from dicomveil_engine.configuration.presets import PRESETS
from dicomveil_engine.part10.reading import Originals
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.request import accept
from dicomveil_proxy.request.query import Level, Query, matches
from dicomveil_proxy.request.resource import parse_frames, parse_uid
from dicomveil_proxy.settings.server import load_settings
from dicomveil_proxy.trust.credentials import bearer
from dicomveil_proxy.trust.tokens import TokenFile
from dicomveil_proxy.wire.json_document import encoded
from dicomveil_proxy.wire.media_type import parse_media_type
from dicomveil_proxy.wire.multipart import MultipartReader, boundary_of
from dicomveil_proxy.wire.native_xml import native_xml
from dicomveil_proxy.wire.native_xml_reader import NativeXMLReader
from engine.datasets import BIG, EXPLICIT, IMPLICIT, Nodes, instance
from engine.datasets import encoded as as_bytes

KEY = bytes(range(32))
SENTINEL = b"QXZWVJK"
_IN_WORD = re.compile(rb"(?<![0-9A-Za-z])" + SENTINEL + rb"(?![0-9A-Za-z])")
_CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
_SMALL = 30_000
"""Bytes of an instance that is mutated."""
_JPEG, _JPEG_2000 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90"


class Leaked(AssertionError):
    """An original is in an output."""


@dataclass(frozen=True)
class Target:
    """One reader."""

    run: Callable[[bytes], object]
    documented: tuple[type[Exception], ...]
    seeds: Callable[[], Iterable[bytes]]


@cache
def _policy() -> Policy:
    return load_policy({"profile": "basic"}, KEY)


def _part10(data: bytes) -> None:
    """In two pieces, whose border is anywhere."""

    def inspect(made: bytes | bytearray, originals: Originals, _: str) -> None:
        if _IN_WORD.search(made) and any(_IN_WORD.search(value) for _, _, value in originals.values()):
            raise Leaked("in an element of the output")

    rewriter = InstanceRewriter(_policy(), inspect)
    border = data[-1] * len(data) // 256 if data else 0
    rewriter.feed(data[:border])
    rewriter.feed(data[border:])
    rewriter.close()


def _json(data: bytes) -> None:
    stream, rewriter = ObjectStream(1 << 20), MetadataRewriter(_policy())
    half = len(data) // 2
    for dataset in [*stream.feed(data[:half]), *stream.feed(data[half:]), *stream.close()]:
        _check_document(dataset, rewriter.rewrite(dataset))


def _xml(data: bytes) -> None:
    reader = NativeXMLReader(1 << 20)
    reader.feed(data)
    dataset = reader.close()
    made = MetadataRewriter(_policy()).rewrite(dataset)
    _check_document(dataset, made)
    native_xml(made)


def _check_document(original: object, made: object) -> None:
    """Where an identifying attribute is the sentinel, it is nowhere."""
    named = isinstance(original, dict) and any(
        isinstance(original.get(key), dict) and _IN_WORD.search(encoded(original[key].get("Value")))
        for key in ("00100010", "00100020")
    )
    if named and _IN_WORD.search(encoded(made)):
        raise Leaked("in a document")


def _multipart(data: bytes) -> None:
    reader = MultipartReader(b"b")
    for start in range(0, len(data), 7):
        reader.feed(data[start : start + 7])
    reader.close()


def _query(data: bytes) -> None:
    """All that a request's line and headers are read by."""
    text = data.decode("latin-1")
    head, _, rest = text.partition("\n")
    for read in (accept.parse, parse_media_type, boundary_of, parse_uid, parse_frames):
        try:
            read(head)
        except ProxyError:
            continue
    query = Query.parse(Level.INSTANCES, parse_qsl(rest, keep_blank_values=True, max_num_fields=300))
    matches(
        {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}, "00080020": {"Value": ["20200101"]}}, query
    )


def _code_stream(data: bytes) -> None:
    syntax = _JPEG_2000 if data[:2] == b"\xff\x4f" or data[4:8] == b"jP  " else _JPEG
    ways: tuple[Callable[[], CodeStream | None], ...] = (
        lambda: stream_of(data[:64], syntax, len(data)),
        lambda: image_of(data[:64], len(data)),
    )
    for made in ways:
        try:
            stream = made()
            if stream is not None:
                for start in range(0, len(data), 11):
                    stream.feed(data[start : start + 11])
                stream.close()
        except EngineError:
            continue
    clean_fragments(data, syntax, 1)


def _tokens(data: bytes) -> None:
    """A header that presents one, and a file that holds them."""
    first, _, rest = data.partition(b"\n")
    token = None
    with suppress(ProxyError):
        token = bearer([(b"authorization", first)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tokens.json")
        path.touch(0o600)
        path.write_bytes(rest)
        file = TokenFile(path)
        if file.find(token or first.decode("latin-1"), 1e9) is not None:
            raise Leaked("a token that nobody made")
        file.all()


def _settings(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dicomveil.toml")
        path.write_bytes(data)
        load_settings(path)


def _policies(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "policy.json")
        path.write_bytes(data)
        load_policy(path, KEY)


def _instances() -> Iterable[bytes]:
    sentinel = SENTINEL.decode()
    nodes: Nodes = {
        0x00080018: ("UI", "1.2.3.9"),
        0x00080050: ("SH", sentinel),
        0x00081030: ("LO", f"CT of {sentinel}"),
        0x00081140: ("SQ", [{0x00081155: ("UI", "1.2.3.4")}, {}]),
        0x00090010: ("LO", "EXAMPLE"),
        0x00100010: ("PN", sentinel),
        0x00100020: ("LO", sentinel),
        0x0020000D: ("UI", "1.2.3"),
    }
    for syntax in (EXPLICIT, IMPLICIT, BIG):
        yield instance(as_bytes(nodes, syntax, is_open=syntax == EXPLICIT), syntax=syntax)
    for file in sorted(_CORPUS.rglob("*.dcm"))[:250] if _CORPUS.is_dir() else ():
        if file.stat().st_size < _SMALL:
            yield file.read_bytes()


def _documents() -> Iterable[bytes]:
    yield (
        b'[{"00100010":{"vr":"PN","Value":[{"Alphabetic":"%b"}]},"00081030":{"vr":"LO","Value":["of %b"]},'
        % (
            SENTINEL,
            SENTINEL,
        )
        + b'"00400275":{"vr":"SQ","Value":[{"00400007":{"vr":"LO","Value":["a"]}}]}}]'
    )
    yield b'[{"7FE00010":{"vr":"OW","InlineBinary":"AAAA"}},\n{"00280010":{"vr":"US","Value":[1.5e3,null]}}]'


def _xml_documents() -> Iterable[bytes]:
    yield b"""<?xml version="1.0"?><NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">
<DicomAttribute tag="00100010" vr="PN"><PersonName number="1"><Alphabetic><FamilyName>%b</FamilyName></Alphabetic>
</PersonName></DicomAttribute><DicomAttribute tag="00081030" vr="LO"><Value number="1">of %b</Value></DicomAttribute>
<DicomAttribute tag="00400275" vr="SQ"><Item number="1"><DicomAttribute tag="00400007" vr="LO"/></Item></DicomAttribute>
</NativeDicomModel>""" % (SENTINEL, SENTINEL)


def _bodies() -> Iterable[bytes]:
    yield b"preamble\r\n--b\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\nabc\r\n--b\r\n\r\nx\r\n--b--\r\n"
    yield b"--b\r\nA: b\r\n c\r\n\r\n\r\n--b--"


def _queries() -> Iterable[bytes]:
    yield b'multipart/related; type="a/b"; transfer-syntax=*; q=0.5, */*\nStudyDate=2020-&PatientName=Doe*&limit=3'
    yield b"1,2,3\n00080020=20200101-20200102&includefield=all&ModalitiesInStudy=CT,MR&fuzzymatching=true"
    yield b"1.2.840.10008\n00400275.00400007=*&StudyTime=10-12"


def _pictures() -> Iterable[bytes]:
    import imagecodecs
    import numpy as np

    picture = (np.arange(256) % 251).astype("u1").reshape(16, 16)
    for encode in (imagecodecs.jpeg_encode, imagecodecs.jpeg2k_encode, imagecodecs.jpegls_encode):
        yield bytes(encode(picture))


def _token_files() -> Iterable[bytes]:
    digest = b"0" * 64
    yield (
        b'Bearer dv_0123456789ab_x\n{"version":1,"tokens":[{"id":"0123456789ab","sha256":"%b","name":"a",' % digest
        + (b'"projects":["lung"],"can":["search"],"created":1,"expires":null,"revoked":null}]}')
    )
    yield b"Bearer a.b.c\n"


def _setting_files() -> Iterable[bytes]:
    yield b'origin = "http://o/dicom-web"\nkey_file = "k"\n[limits]\nparts = 3\n[projects.lung]\nkey_file = "l"\n'
    yield b'origin = "f"\nkey_file = "k"\n[access]\n[access.oidc]\nissuer = "https://i"\naudience = "a"\n[audit]\n'
    yield b'[filter]\nquery = "ModalitiesInStudy=CT"\n[guard]\nmode = "report"\n[tls]\ncertificate = "c"\nkey = "k"\n'


def _policy_files() -> Iterable[bytes]:
    yield b'{"profile":"basic","options":["retainUIDs"],"rules":[{"tag":"(0010,0010)","method":"substitute"}]}'
    yield b'{"rules":[{"VR":"DA","method":"dateshift"},{"tag":"LO","method":"perturb","params":{"span":3}}],"text":{}}'
    yield b'{"basicConfig":{"privateCreatorTags":[]},"options":{"cleanImage":true}}'
    for file in sorted(files("dicomveil_engine").joinpath("configuration").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".json"):
            yield file.read_bytes()[:20_000]
    yield str(sorted(PRESETS)).encode()


TARGETS: dict[str, Target] = {
    "part10": Target(_part10, (EngineError,), _instances),
    "json": Target(_json, (EngineError,), _documents),
    "xml": Target(_xml, (EngineError,), _xml_documents),
    "multipart": Target(_multipart, (ProxyError,), _bodies),
    "query": Target(_query, (ProxyError, ValueError), _queries),
    "code-streams": Target(_code_stream, (EngineError,), _pictures),
    "tokens": Target(_tokens, (ConfigurationError,), _token_files),
    "settings": Target(_settings, (ConfigurationError,), _setting_files),
    "policies": Target(_policies, (ConfigurationError,), _policy_files),
}

__all__ = ["TARGETS", "InvalidDataSetError", "Leaked", "Target"]

warnings.simplefilter("ignore")  # pydicom's, of what it reads
