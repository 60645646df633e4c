"""One data set in DICOM JSON."""

from __future__ import annotations

from typing import Any

import pytest

from dicomveil_engine import (
    DeidentificationError,
    InstanceIdentity,
    InvalidDataSetError,
    Limits,
    MetadataRewriter,
    load_policy,
)
from engine.datasets import KEY, preset, rule, rules

NAME = {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}
BARE = rules(rule("PatientName", "redact"), rule("PatientID", "remove"))


def rewritten(dataset: dict[str, Any], policy: object = BARE, **more: Any) -> dict[str, Any]:
    return MetadataRewriter(policy, **more).rewrite(dataset)  # type: ignore[arg-type]


def test_decisions() -> None:
    """Kept, emptied, removed; the original is not changed."""
    source = {
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00100010": NAME,
        "00100020": {"vr": "LO", "Value": ["PATIENT-1"]},
    }

    assert rewritten(source) == {"00080060": {"vr": "CS", "Value": ["CT"]}, "00100010": {"vr": "PN"}}
    assert source["00100010"] is NAME
    assert NAME == {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}


def test_items() -> None:
    """Sequences are walked; null stands for an empty item."""
    source = {"00081140": {"vr": "SQ", "Value": [{"00100010": NAME}, None, {}]}, "00082112": {"vr": "SQ"}}

    assert rewritten(source) == {
        "00081140": {"vr": "SQ", "Value": [{"00100010": {"vr": "PN"}}, {}, {}]},
        "00082112": {"vr": "SQ"},
    }


@pytest.mark.parametrize("is_reversed", [False, True])
def test_private_creators(is_reversed: bool) -> None:
    """A creator goes with its block, wherever in the object it stands."""
    policy = rules(rule("(0009,xx01:ONE)", "remove"))
    source = {
        "00090010": {"vr": "LO", "Value": ["ONE"]},
        "00090011": {"vr": "LO", "Value": ["TWO"]},
        "00091001": {"vr": "LO", "Value": ["removed"]},
        "00091101": {"vr": "LO", "Value": ["kept"]},
    }
    output = rewritten(dict(reversed(source.items())) if is_reversed else source, policy)

    assert list(output) == ["00090011", "00091101"]


def test_bulk_data() -> None:
    """The path of an element names sequences and items; without an answer, no URI is written."""
    source: dict[str, Any] = {
        "00880200": {"vr": "SQ", "Value": [{}, {"7FE00010": {"vr": "OW", "BulkDataURI": "http://origin/1"}}]},
        "00281201": {"vr": "OW", "BulkDataURI": "http://origin/2"},
        "00291010": {"vr": "UN", "BulkDataURI": "http://origin/3"},
        "00100010": {"vr": "PN", "BulkDataURI": "http://origin/4"},
    }
    asked = []

    def uri(path: str, origin: str) -> str | None:
        asked.append((path, origin))
        return f"ours/{path}" if path != "00281201" else None

    assert MetadataRewriter(BARE).rewrite(source, bulk_data_uri=uri) == {
        "00880200": {"vr": "SQ", "Value": [{}, {"7FE00010": {"vr": "OW", "BulkDataURI": "ours/00880200/2/7fe00010"}}]},
        "00281201": {"vr": "OW"},
        "00291010": {"vr": "UN"},
        "00100010": {"vr": "PN"},
    }
    assert asked == [("00880200/2/7fe00010", "http://origin/1"), ("00281201", "http://origin/2")]


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        ({"0010001": NAME}, "a key that is not a tag"),
        ({"0010001g": NAME}, "a key that is not a tag"),
        ({"0x100010": NAME}, "a key that is not a tag"),
        ({"0020000d": NAME}, "a key that is not a tag"),
        ({"PatientName": NAME}, "a key that is not a tag"),
        ({"00080060": "CT"}, "not an object"),
        ({"00080060": {"vr": "XX"}}, "(0008,0060) Modality has a VR"),
        ({"00081140": {"vr": "SQ", "Value": ["CT"]}}, "holds something that is not an item"),
        ({"00081140": {"vr": "SQ", "Value": {"a": 1}}}, "holds something that is not an item"),
        ({"00080060": {"vr": "CS", "Value": [{"00100010": NAME}]}}, "(0008,0060) Modality CS has a value"),
        ({"00080060": {"vr": "CS", "Value": "CT"}}, "(0008,0060) Modality CS has a value"),
    ],
)
def test_refused(dataset: dict[str, Any], problem: str) -> None:
    """What is not a data set of the model is refused, by attribute and never by value."""
    with pytest.raises(InvalidDataSetError) as caught:
        rewritten(dataset)

    assert problem in str(caught.value)


def test_values_that_a_method_cannot_read() -> None:
    """Refused, too, when a method needs them."""
    with pytest.raises(InvalidDataSetError, match=r"\(0028,0010\) Rows US has a value that is not of its VR"):
        rewritten({"00280010": {"vr": "US", "Value": ["x"]}}, rules(rule("US", "perturb")))
    assert rewritten({"00180050": {"vr": "DS", "Value": ["thick"]}}, rules(rule("DS", "perturb"))) == {
        "00180050": {"vr": "DS"}
    }


def test_depth_limit() -> None:
    """The policy's limit on nesting holds here, too."""
    policy = load_policy({"profile": "none", "rules": [rule("PN", "redact")]}, KEY, limits=Limits(depth=2))
    nested: dict[str, Any] = {}
    for _ in range(3):
        nested = {"00081140": {"vr": "SQ", "Value": [nested]}}

    assert rewritten(nested["00081140"]["Value"][0], policy)
    with pytest.raises(InvalidDataSetError, match="nested more than 2 deep"):
        rewritten(nested, policy)


def test_marks() -> None:
    """What the instance says of its de-identification, in order; earlier texts and codes stay."""
    source = {
        "00120063": {"vr": "LO", "Value": ["by hand"]},
        "00120064": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["113107"]}}]},
        "00280303": {"vr": "CS", "Value": ["UNMODIFIED"]},
    }
    output = rewritten(source, preset("basic"))

    assert list(output) == ["00120062", "00120063", "00120064", "00280303"]
    assert output["00120063"]["Value"] == ["by hand", "dicomveil: PS3.15 Basic Profile"]
    assert [item["00080100"]["Value"] for item in output["00120064"]["Value"]] == [["113107"], ["113100"]]
    assert output["00280303"]["Value"] == ["REMOVED"]
    assert rewritten(output, preset("basic")) == output


def test_marks_whatever_the_rules() -> None:
    """No rule takes them away."""
    policy = rules(rule("(0012,xxxx)", "remove"), rule("SQ", "redact"), profile="basic")
    codes = {"00120064": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["113100"]}}]}}

    assert rewritten(codes, policy)["00120064"] == codes["00120064"]


def test_without_marks() -> None:
    """A search result is not an instance and says nothing of its own."""
    assert rewritten({"00100010": NAME}, preset("basic"), claims=False) == {"00100010": {"vr": "PN"}}


def test_assumed_identity() -> None:
    """A result that does not repeat its study's UID has the dates of its study all the same."""
    rewriter = MetadataRewriter(preset("default"), claims=False)
    dated: dict[str, Any] = {"00080020": {"vr": "DA", "Value": ["20200102"]}}
    uid: dict[str, Any] = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}
    whole = rewriter.rewrite({**dated, **uid})["00080020"]

    assert rewriter.rewrite(dated)["00080020"] == {"vr": "DA"}
    assert rewriter.rewrite(dated, assumed=InstanceIdentity(study_instance_uid="1.2.3"))["00080020"] == whole


def test_words_of_what_goes() -> None:
    """Names and numbers of sequences that go do not survive in free text, readable or not."""
    source: dict[str, Any] = {
        "00101002": {"vr": "SQ", "Value": [{"00100020": {"vr": "LO", "Value": ["12345"]}}, {"bad": {}}]},
        "00140046": {"vr": "LT", "Value": ["patient 12345 here"]},
    }

    assert rewritten(source, preset("basic"), claims=False) == {"00140046": {"vr": "LT", "Value": ["patient here"]}}


def test_text_in_base64() -> None:
    """What a server could not decode is read in the character set of its item."""
    item = {
        "00080005": {"vr": "CS", "Value": ["GB18030"]},
        "00100010": {"vr": "UN", "InlineBinary": "zfVe0KG2qw=="},
        "00140046": {"vr": "UN", "InlineBinary": "0KG2q7rD"},
    }
    output = rewritten({"00189346": {"vr": "SQ", "Value": [item]}}, preset("basic"), claims=False)

    assert output["00189346"]["Value"][0]["00140046"] == {"vr": "LT", "Value": ["好"]}


def test_unknown_sequences() -> None:
    """Base64 that begins with an item's tag is a sequence in disguise, and goes."""
    policy = rules(rule("PN", "redact"))

    assert rewritten({"00291010": {"vr": "UN", "InlineBinary": "/v8A4AAAAAA="}}, policy) == {"00291010": {"vr": "UN"}}
    kept = {"00291010": {"vr": "UN", "InlineBinary": "AAE="}}
    assert rewritten(kept, policy) == kept


def test_empty_values() -> None:
    """An attribute without a value has no Value; an empty one among several is null (PS3.18 Section F.2.5)."""
    policy = load_policy({"profile": "none", "rules": [{"tag": "(xxxx,xxxx)", "method": "keep"}]}, bytes(32))
    dataset: Any = {"00080060": {"vr": "CS", "Value": [""]}, "00080008": {"vr": "CS", "Value": ["", "A"]}}

    rewritten = MetadataRewriter(policy).rewrite(dataset)

    assert rewritten == {"00080008": {"vr": "CS", "Value": [None, "A"]}, "00080060": {"vr": "CS"}}


def test_methods_do_not_act_in_a_sequence_that_is_dropped() -> None:
    """What waits in it is forgotten: a method that has no output for it does not refuse the instance."""
    refuses = rules(rule("(0018,9219)", "perturb", span=1e308), rule("(0008,1140)", "remove"))
    item = {"00189219": {"vr": "SS", "Value": [77]}}
    dropped: dict[str, Any] = {"00081140": {"vr": "SQ", "Value": [item]}, "00280010": {"vr": "US", "Value": [4]}}

    assert rewritten(dropped, refuses) == {"00280010": {"vr": "US", "Value": [4]}}
    with pytest.raises(DeidentificationError):
        rewritten({"00081150": {"vr": "SQ", "Value": [item]}}, refuses)


def test_a_value_that_is_checked_and_passes_comes_out() -> None:
    """It waits for the names of the whole data set, of which it holds none."""
    source = {
        "00100010": NAME,
        "00181030": {"vr": "LO", "Value": ["KNEE"]},
        "00080070": {"vr": "LO", "Value": ["ACME"]},
    }

    output = rewritten(source, preset("default"))

    assert output["00080070"] == {"vr": "LO", "Value": ["ACME"]}


def test_a_patient_id_of_several_values_names_nobody() -> None:
    """Neither of the two can say whose the instance is."""
    known = [
        MetadataRewriter(BARE).read_header({"00100020": {"vr": "LO", "Value": values}}).context.patient_id
        for values in (["PATIENT-1"], ["PATIENT-1", "PATIENT-2"], [])
    ]

    assert known == ["PATIENT-1", "", ""]
