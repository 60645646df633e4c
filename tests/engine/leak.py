"""The leak oracle: plants sentinels wherever a data set can hold text, and looks for them in what comes out.

A sentinel names its place, so that a leak says where it is. Each stands in one attribute only, but for those that
free text repeats: what the layer by VR cleans keeps words that identify nobody, so that free text gets words of
the data set's own identifying attributes, and numbers, dates, UIDs and addresses.

Not planted, because it comes out by decision: CS and numbers; codes and their schemes; UIDs that name classes and
schemes (`STRUCTURAL_UIDS`); public binary values; under modified dates, times of day (TM).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydicom.datadict import DicomDictionary

from dicomveil_engine.attributes.legality import CODE_ATTRIBUTES, STRUCTURAL_UIDS
from engine.datasets import IMPLICIT, Nodes, element, encoded, file_meta, item

UID_ROOT = "1.2.3.99999."
DATE = "19310517"
"""No shift gives it back: zero is never drawn."""
WRITTEN_DATES = ("1931-05-17", "17.05.1931", "17MAY1931")
TIME = "040506"
NUMBER_ROOT = "77123"
NAME = "Sentinelname"
NESTED_NAME = "Sentinelnested"
REMOVED_NAME = "Sentinelremoved"
REMOVED_ID = "SENTINELREMOVED-77123999"
PRIVATE_NAME = "Sentinelprivate"

_TEXTS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
_MARKS = {0x00120062, 0x00120063, 0x00120064}
_NOT_PLANTED = CODE_ATTRIBUTES | STRUCTURAL_UIDS | {0x00080005, 0x00020010}


def letters(tag: int) -> str:
    """The tag in letters, for where digits would be taken for a number."""
    return "".join("ghijklmnopqrstuv"[int(digit, 16)] for digit in f"{tag:08x}")


def free_text(tag: int) -> str:
    """Text in which everything goes: its number is the place's own."""
    return (
        f"{NAME} {NESTED_NAME.upper()} {REMOVED_NAME.lower()}, {REMOVED_ID} {NUMBER_ROOT}{tag:010d} "
        f"{WRITTEN_DATES[0]} {WRITTEN_DATES[1]} {WRITTEN_DATES[2]} {UID_ROOT}7.{tag} "
        f"{PRIVATE_NAME}@sentinel.example https://sentinel.example/{letters(tag)}"
    )


def value(tag: int, vr: str) -> str:
    """What is planted in an attribute."""
    match vr:
        case "PN":
            return f"{NAME}{letters(tag)}^Sentinel=SENTINELGROUP{letters(tag)}"
        case "UI":
            return f"{UID_ROOT}{tag}\\{UID_ROOT}9.{tag}"
        case "DA":
            return DATE
        case "DT":
            return f"{DATE}101112.77+0100"
        case "TM":
            return TIME
        case "AE":
            return f"SENTINELAE{letters(tag)[-4:]}"
        case "AS":
            return "097Y"
        case "UR":
            return f"http://sentinel.example/{letters(tag)}"
    return free_text(tag)


def attributes(*, times: bool) -> Nodes:
    """Every attribute of PS3.6 that holds text, names, dates, UIDs or addresses, with its sentinel."""
    vrs = {"PN", "UI", "DA", "DT", "AE", "AS", "UR", *_TEXTS, *(("TM",) if times else ())}
    return {
        tag: (entry[0], value(tag, entry[0]))
        for tag, entry in sorted(DicomDictionary.items())
        if entry[0] in vrs and tag >> 16 >= 8 and tag not in _NOT_PLANTED | _MARKS
    }


def planted(*, times: bool) -> Nodes:
    """The attributes at the top level and in sequences that stay, go, or are replaced; private blocks beside them."""
    everywhere = attributes(times=times)
    identity: Nodes = {
        0x0020000D: ("UI", f"{UID_ROOT}1"),
        0x0020000E: ("UI", f"{UID_ROOT}2"),
        0x00080018: ("UI", f"{UID_ROOT}3"),
        0x00100010: ("PN", f"{NAME}^Jane"),
        0x00120063: ("LO", f"{NAME} {free_text(0x00120063)}"),
    }
    nested: Nodes = {**everywhere, 0x00100010: ("PN", f"{NESTED_NAME}^Jane")}
    removed: Nodes = {0x00100020: ("LO", REMOVED_ID), 0x00101001: ("PN", f"Jane^{REMOVED_NAME}")}
    private: Nodes = {
        0x00090010: ("LO", "SENTINELCREATOR"),
        0x00091001: ("PN", f"{PRIVATE_NAME}^Jane"),
        0x00091002: ("UN", f"SENTINELUN {PRIVATE_NAME}".encode()),
        0x00091003: ("OB", b"SENTINELBYTES"),
        0x00091004: ("SQ", [nested]),
        0x00099901: ("LO", "SENTINELORPHAN"),
        0x00091005: ("UN", item(encoded(removed, IMPLICIT), IMPLICIT)),
    }
    return dict(
        sorted(
            {
                **everywhere,
                **identity,
                **private,
                0x00081140: ("SQ", [nested, {0x00081140: ("SQ", [{**nested, **private}])}]),
                0x00101002: ("SQ", [removed]),
                0x00120064: ("SQ", [{0x00080104: ("LO", free_text(0x00080104))}]),
                0x00400555: ("SQ", [{0x00400555: ("SQ", [{**removed, **private}])}]),
                0x0040A730: ("SQ", [nested]),
                0x00540016: ("SQ", [nested]),
                0x00089998: ("UN", b"SENTINELUNKNOWN"),
                0x00089999: ("LO", "SENTINELUNKNOWN"),
                0x00280011: ("US", [1]),
                0x7FE00010: ("OW", bytes(4)),
                0xFFFCFFFC: ("OB", b"SENTINELPADDING "),
            }.items()
        )
    )


def part10(nodes: Nodes, syntax: str) -> bytes:
    """The data set as an instance whose preamble and file meta information hold sentinels too."""
    more = b"".join(
        (
            element(0x00020012, "UI", f"{UID_ROOT}12"),
            element(0x00020013, "SH", "SENTINELVERSION"),
            element(0x00020016, "AE", "SENTINELSOURCE"),
            element(0x00020017, "AE", "SENTINELSENDER"),
            element(0x00020026, "UR", "http://sentinel.example/"),
            element(0x00020100, "UI", f"{UID_ROOT}100"),
            element(0x00020102, "OB", b"SENTINELMETA"),
        )
    )
    return file_meta(syntax, more, preamble=b"SENTINELPREAMBLE".ljust(128, b"\1")) + encoded(nodes, syntax)


def model(nodes: Nodes) -> dict[str, dict[str, object]]:
    """The data set in DICOM JSON; what is binary is left to the server, whose address must not pass either."""
    out: dict[str, dict[str, object]] = {}
    for tag, (vr, content) in nodes.items():
        key = f"{tag:08X}"
        if vr == "SQ":
            assert isinstance(content, list)
            out[key] = {"vr": vr, "Value": [model(one) for one in content]}
        elif isinstance(content, bytes):
            out[key] = {"vr": vr, "BulkDataURI": f"http://sentinel.example/{key}"}
        elif vr == "PN":
            out[key] = {
                "vr": vr,
                "Value": [dict(zip(("Alphabetic", "Ideographic"), str(content).split("="), strict=False))],
            }
        else:
            values = content if isinstance(content, list) else str(content).split("\\")
            out[key] = {"vr": vr, "Value": values}
    return out


_SENTINEL = re.compile(
    rb"(?i)sentinel\w*|77123\d*|1\.2\.3\.99999[\d.]*|19310517|1931-05-17|17\.05\.1931|17may1931|097y|040506".replace(
        b"\\w", b"[a-z0-9_]"
    )
)


def leaks(output: bytes | str | Iterable[object]) -> set[str]:
    """The sentinels in some bytes, text, or anything that has a text; whatever their case."""
    if isinstance(output, bytes):
        return {found.decode() for found in _SENTINEL.findall(output)}
    return leaks(str(output).encode("utf-8", "surrogatepass"))


def broken(data: bytes) -> Iterator[bytes]:
    """The instance, cut off or damaged at many places."""
    for at in range(0, len(data), max(1, len(data) // 150)):
        yield data[:at]
        yield data[:at] + b"\xff\xfe\x00" + data[at + 3 :]
        yield data[:at] + data[at + 1 :]
