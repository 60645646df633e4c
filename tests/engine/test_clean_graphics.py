"""Clean Graphics (PS3.15 E.3.3) in Part 10 and in DICOM JSON."""

from __future__ import annotations

import pytest

from dicomveil_engine import deidentify_instance, load_policy
from engine.datasets import EXPLICIT, KEY, SYNTAXES, Nodes, encoded, instance, read
from engine.test_json_model_commutation import commutes

TEXT: Nodes = {0x00700003: ("CS", "PIXEL"), 0x00700006: ("ST", "nodule, seen by Doe")}
GRAPHIC: Nodes = {
    0x00700020: ("US", [2]),
    0x00700021: ("US", [1]),
    0x00700022: ("FL", [1.5, 2.0]),
    0x00700023: ("CS", "POINT"),
}
NODES: Nodes = {
    0x00100010: ("PN", "Doe^Jane"),
    0x0020000D: ("UI", "1.2.3"),
    0x50000010: ("US", [1]),
    0x60000010: ("US", [8]),
    0x60003000: ("OW", b"\1\2"),
    0x60004000: ("LT", "Doe"),
    0x00700001: (
        "SQ",
        [
            {
                0x00081140: ("SQ", [{0x00081155: ("UI", "1.2.3.4")}]),
                0x00700002: ("CS", "LAYER"),
                0x00700008: ("SQ", [TEXT]),
                0x00700009: ("SQ", [GRAPHIC]),
            }
        ],
    ),
}


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    ("options", "text"),
    [(["cleanGraphics"], "ANONYMOUS"), (["cleanGraphics", "cleanDescriptors"], "nodule, seen by")],
)
def test_annotations_stay(options: list[str], text: str, syntax: str) -> None:
    """Graphics as they came; their text cleaned, or without Clean Descriptors a dummy; overlays and curves go."""
    policy = load_policy({"profile": "basic", "options": options}, KEY)
    data = instance(encoded(NODES, syntax), syntax=syntax)
    assert commutes(data, policy)
    output = read(deidentify_instance(data, policy))
    annotation = output.GraphicAnnotationSequence[0]

    assert annotation.GraphicObjectSequence[0].GraphicData == [1.5, 2.0]
    assert annotation.TextObjectSequence[0].UnformattedTextValue == text
    assert annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID.startswith("2.25.")
    assert not [element.tag for element in output if element.tag.group in {0x5000, 0x6000}]


def test_without_the_option() -> None:
    """One dummy annotation stands for all."""
    output = read(deidentify_instance(instance(encoded(NODES, EXPLICIT)), load_policy({"profile": "basic"}, KEY)))

    assert "GraphicObjectSequence" not in output.GraphicAnnotationSequence[0]


def test_a_rule_keeps_overlays() -> None:
    """Whoever has seen them may let them pass."""
    policy = load_policy({"profile": "basic", "rules": [{"tag": "(60xx,xxxx)", "method": "keep"}]}, KEY)

    assert read(deidentify_instance(instance(encoded(NODES, EXPLICIT)), policy))[0x60003000].value == b"\1\2"
