"""Any configuration in dicomveil's own dialect: the same decisions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import (
    ConfigurationError,
    Policy,
    configuration_schema,
    lint,
    load_policy,
    to_own_dialect,
)
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import TABLE_E1
from dicomveil_engine.configuration.google.actions import METHODS as ACTIONS
from dicomveil_engine.configuration.google.profiles import PROFILES
from dicomveil_engine.configuration.presets import PRESETS, load_preset
from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.date_shift import ShiftDates
from engine.json_schema import is_valid

KEY = bytes(32)
SCHEMA = configuration_schema()
Document = dict[str, object]

ATTRIBUTES = [
    *((tag, vr) for tag in TABLE_E1.rows for vr in dictionary.vrs_of(tag)),
    *(
        (tag, vr)
        for tag in (0x00080016, 0x00080018, 0x00100010, 0x00091001, 0x60003000)
        for vr in sorted(dictionary.VRS)
    ),
]
TAGS = ["PatientName", "PatientID", "00080060", "StudyDate", "FrameOfReferenceUID", "StudyDescription", "OverlayData"]
VRS = ["PN", "DA", "LO", "UI", "AS", "CS"]
TAG_METHODS = ["redact", "Keep", "CRYPTOHASH", "encrypt", "substitute"]

tags = st.lists(st.sampled_from(TAGS), min_size=1, max_size=3)
skips = st.booleans()

google_v1 = st.builds(
    lambda filters, skip: {"dicom": {**filters, "skipIdRedaction": skip}},
    st.one_of(
        tags.map(lambda names: {"keepList": {"tags": names}}),
        tags.map(lambda names: {"removeList": {"tags": names}}),
        st.sampled_from(PROFILES).map(lambda name: {"filterProfile": name}),
    ),
    skips,
)
google_v1beta1 = st.builds(
    lambda profile, ids, actions: {
        "dicomTagConfig": {"profileType": profile, "options": {"primaryIds": ids}, "actions": actions}
    },
    st.sampled_from(PROFILES),
    st.sampled_from(["KEEP", "REGEN"]),
    st.lists(
        st.builds(
            lambda query, action: {"queries": [query], action: {}},
            st.sampled_from([*TAGS, *VRS]),
            st.sampled_from(list(ACTIONS)),
        ),
        max_size=4,
    ),
)
tag_rules = st.builds(
    lambda rules, vr_rules, profile, scope: {
        "DicomTagRules": rules,
        "DicomVRRules": vr_rules,
        "TagProfile": profile,
        "parameters": {"dateShiftScope": scope},
    },
    st.lists(
        st.builds(
            lambda name, method: {"name": name, "method": method}, st.sampled_from(TAGS), st.sampled_from(TAG_METHODS)
        )
    ),
    st.lists(
        st.builds(
            lambda name, method: {"name": name, "method": method},
            st.sampled_from(VRS),
            st.sampled_from(["dateshift", "redact"]),
        )
    ),
    st.sampled_from(PROFILES),
    st.sampled_from(["resource", "series", "study", "patient"]),
)


def outcome(policy: Policy) -> list[object]:
    """What the policy decides for each attribute, whatever the rules are called."""
    return [comparable(policy.decide(tag, vr).method) for tag, vr in ATTRIBUTES]


def comparable(method: Method) -> object:
    if method.name == "inapplicable":
        return method.name  # its message names the rule
    days = (method.shift.range, method.shift.days("2.25.1")) if isinstance(method, ShiftDates) else ()
    return (repr(method), days)


@given(st.one_of(google_v1, google_v1beta1, tag_rules))
def test_a_converted_configuration_decides_alike(document: Document) -> None:
    """For every attribute of Table E.1-1 and others in every VR; and where one is refused, so is the other."""
    try:
        policy = load_policy(document, KEY)
    except ConfigurationError:
        with pytest.raises(ConfigurationError):
            to_own_dialect(document)
        assert any(finding.is_error for finding in lint(document))
        return
    own = to_own_dialect(document)

    assert outcome(load_policy(own, KEY)) == outcome(policy)
    assert is_valid(own, SCHEMA, SCHEMA)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_file_comes_back_as_it_is(name: str) -> None:
    """It is our own dialect already."""
    document = dict(load_preset(name))

    assert to_own_dialect(document) == document


def test_the_microsoft_tools_configuration_is_our_own_too(shared: Path) -> None:
    """But that the profile, which it leaves out, is named."""
    path = shared / "vectors" / "microsoft_default_configuration.json"
    own = to_own_dialect(path)

    assert own["profile"] == "basic"
    assert outcome(load_policy(own, KEY)) == outcome(load_policy(path, KEY))


def test_our_own_comes_back_in_its_documented_spelling() -> None:
    """With its profile written out; what has no effect is left out."""
    rule = {"tag": "PatientAge", "method": "keep"}

    assert to_own_dialect({"RULES": [rule], "rulez": [], "Options": None}) == {"profile": "basic", "rules": [rule]}
    assert to_own_dialect({"profile": "default"}) == {"profile": "default"}


def test_what_would_be_refused_is_not_converted() -> None:
    """The message is that of loading it."""
    with pytest.raises(ConfigurationError, match="nothing would be de-identified"):
        to_own_dialect({"dicom": {"filterProfile": "KEEP_ALL_PROFILE", "skipIdRedaction": True}})
