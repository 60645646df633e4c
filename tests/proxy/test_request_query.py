"""What a search asks for, and whether a data set matches it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.errors import BadRequest
from dicomveil_proxy.request.query import Level, Query, matches, requested_tags

STUDY: dict[str, object] = {
    "00080020": {"vr": "DA", "Value": ["20200115"]},
    "00080050": {"vr": "SH"},
    "00080061": {"vr": "CS", "Value": ["CT", None, "SR"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
    "00100020": {"vr": "LO", "Value": ["PATIENT-1"]},
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "00091001": {"vr": "LO", "Value": ["private"]},
    "00400275": {
        "vr": "SQ",
        "Value": [
            {"00401001": {"vr": "SH", "Value": ["A"]}, "00400007": {"vr": "LO", "Value": ["head"]}},
            {"00401001": {"vr": "SH", "Value": ["B"]}, "00400007": {"vr": "LO", "Value": ["knee"]}},
        ],
    },
}


def query(*parameters: tuple[str, str], level: Level = Level.STUDIES) -> Query:
    """The query of these parameters."""
    return Query.parse(level, parameters)


def test_a_viewers_study_list() -> None:
    """OHIF's request: keyword and tag number, a comma list, paging."""
    parsed = query(
        ("PatientName", "*DOE*"),
        ("00100020", "*PATIENT*"),
        ("StudyDate", "20200101-20200131"),
        ("limit", "101"),
        ("offset", "5"),
        ("fuzzymatching", "false"),
        ("includefield", "00081030,00080060"),
        ("includefield", "StudyDescription,Nonsense,all"),
        ("accept", "application/json"),
    )

    assert [(key.path, key.vr) for key in parsed.keys] == [
        ((0x00100010,), "PN"),
        ((0x00100020,), "LO"),
        ((0x00080020,), "DA"),
    ]
    assert (parsed.limit, parsed.offset, parsed.is_capped, parsed.not_done) == (101, 5, False, ())
    assert (parsed.include, parsed.include_all) == ((0x00081030, 0x00080060), True)
    assert matches(STUDY, parsed)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("PatientID", (0x00100020,)),
        ("00100020", (0x00100020,)),
        ("0020000d", (0x0020000D,)),
        ("(0010,0020)", (0x00100020,)),
        ("0010,0020", (0x00100020,)),
        ("00091001", (0x00091001,)),
        ("RequestAttributesSequence.ScheduledProcedureStepID", (0x00400275, 0x00400009)),
        ("00400275.00400009", (0x00400275, 0x00400009)),
        ("00091001.00400009", (0x00091001, 0x00400009)),
    ],
)
def test_notations_of_an_attribute(name: str, path: tuple[int, ...]) -> None:
    """Keyword, tag, nested; private by tag."""
    (key,) = query((name, "1")).keys

    assert key.path == path


@pytest.mark.parametrize(
    "parameter",
    [
        *(("Doe^Jane", "x"), ("patientname", "x"), ("", "x"), ("PatientName.", "x"), ("0010002", "x")),
        *(
            ("PatientName.PatientID", "x"),
            ("RequestAttributesSequence", "Doe^Jane"),
            ("StudyDate", "Doe^Jane"),
        ),
        *(("limit", "-1"), ("limit", "Doe^Jane"), ("limit", ""), ("offset", "1.5"), ("offset", "٣")),
        *(("fuzzymatching", "Doe^Jane"), ("emptyvaluematching", "TRUE"), ("multiplevaluematching", "")),
    ],
)
def test_what_is_refused_is_not_echoed(parameter: tuple[str, str]) -> None:
    """A filter that is not understood is never passed over, and its value is in no message."""
    with pytest.raises(BadRequest) as refusal:
        query(parameter)

    assert "Doe" not in str(refusal.value)


def test_no_repr_holds_a_value() -> None:
    """A query may be printed while somebody looks for a bug."""
    assert "Doe" not in repr(query(("PatientName", "Doe^Jane")))


def test_an_option_given_twice_is_refused() -> None:
    """Which one was meant, nobody knows."""
    with pytest.raises(BadRequest, match="limit is given twice"):
        query(("limit", "1"), ("limit", "2"))


def test_too_many_keys_are_refused() -> None:
    """A search has a bound."""
    with pytest.raises(BadRequest, match="256"):
        query(*[("PatientName", "x")] * 257)


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, (50, True)), ("7", (7, False)), ("50", (50, False)), ("70", (50, True))]
)
def test_the_limit_is_capped(limit: str | None, expected: tuple[int, bool]) -> None:
    """No search gives more than the setting allows, and it knows whose limit it is."""
    parsed = Query.parse(Level.SERIES, [("limit", limit)] if limit else [], maximum=50)

    assert (parsed.limit, parsed.is_capped) == expected


def test_what_is_not_done_is_said() -> None:
    """The search is performed all the same: PS3.18 Sections 8.3.4.2, 8.3.4.5 and 8.3.4.6."""
    names = ("multiplevaluematching", "emptyvaluematching", "fuzzymatching")
    parsed = query(*((name, "true") for name in names))

    assert sorted(text.split()[1] for text in parsed.not_done) == sorted(names)
    assert all("has" in text and "been performed" in text for text in parsed.not_done)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ([], True),
        ([("PatientName", "doe^jane")], True),
        ([("PatientName", "Doe")], False),
        ([("PatientName", "Doe*"), ("PatientID", "PATIENT-2")], False),
        ([("ModalitiesInStudy", "SR")], True),
        ([("ModalitiesInStudy", "MR")], False),
        ([("ModalitiesInStudy", "MR,CT")], True),
        ([("StudyInstanceUID", "1.2.3,1.2.4")], True),
        ([("StudyInstanceUID", "1.2.4"), ("StudyInstanceUID", "1.2.3")], False),
        ([("00091001", "priv*")], True),
        ([("AccessionNumber", "")], True),
        ([("AccessionNumber", "*")], True),
        ([("AccessionNumber", "1")], False),
        ([("StudyDescription", "")], True),
        ([("StudyDescription", "?")], False),
        ([("RequestAttributesSequence", "")], True),
        ([("RequestAttributesSequence.RequestedProcedureID", "b")], True),
        ([("RequestAttributesSequence.RequestedProcedureID", "c")], False),
        ([("RequestAttributesSequence.ScheduledProcedureStepID", "")], True),
        ([("RequestAttributesSequence.ScheduledProcedureStepID", "1")], False),
        ([("00400275.00401001", "B"), ("00400275.00400007", "knee")], True),
        ([("00400275.00401001", "A"), ("00400275.00400007", "knee")], False),
        ([("PatientName.00401001", "")], None),
        ([("00100010.00091001", "1")], None),
    ],
)
def test_matches(parameters: list[tuple[str, str]], expected: bool | None) -> None:
    """All keys match, nested ones in one item; absent and empty attributes match universal keys only."""
    if expected is None:
        with pytest.raises(BadRequest, match="is not a sequence"):
            query(*parameters)
    else:
        assert matches(STUDY, query(*parameters)) is expected


@given(st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2)))
def test_an_odd_element_does_not_match(value: object) -> None:
    """Whatever an origin server puts where a value belongs, the answer is no."""
    asked = query(("00400275.00401001", "A"), ("PatientName", "x"))

    assert not matches({"00400275": {"vr": "SQ", "Value": value}, "00100010": value}, asked)


def test_what_the_response_holds() -> None:
    """The level's own attributes, those of the keys, those included; on demand the levels above."""
    asked = query(("00400275.00400009", ""), ("includefield", "0008103E"), level=Level.INSTANCES)
    tags = requested_tags(asked)

    assert tags >= {0x00080018, 0x00400275, 0x0008103E}
    assert not tags & {0x0020000D, 0x0020000E}
    assert requested_tags(asked, from_level=Level.STUDIES) >= {0x0020000D, 0x0020000E, 0x00080018}
    uids = {0x0020000D, 0x0020000E, 0x00080018}
    assert requested_tags(asked, from_level=Level.SERIES) & uids == uids - {0x0020000D}
    assert 0x00080018 not in requested_tags(query(), from_level=Level.STUDIES)


@pytest.mark.parametrize(
    ("dates", "times", "expected"),
    [
        ("20200110-20200116", "1200-1100", True),  # the 10th at noon to the 16th at 11
        ("20200115-20200116", "1200-1100", False),  # begins at noon of the day
        ("20200110-20200115", "1200-1015", True),
        ("20200110-20200115", "1200-1014", False),
        ("20200115-", "1016-", False),
        ("20200114-", "1016-", True),
        ("-20200116", "-1000", True),
        ("-20200115", "-1000", False),
        ("20200110-20200116", "1200-", False),  # not of one form: each for itself
        ("20200115", "1000-1100", True),
        ("20200115", "1015", True),
    ],
)
def test_a_date_and_its_time(dates: str, times: str, expected: bool) -> None:
    """Two ranges of one form are one (PS3.4 Section C.2.2.2.5.4), in whatever order and depth."""
    study = {"00080020": {"vr": "DA", "Value": ["20200115"]}, "00080030": {"vr": "TM", "Value": ["101500"]}}
    item = {"00400002": study["00080020"], "00400003": study["00080030"]}
    nested = {"00400100": {"vr": "SQ", "Value": [{}, item]}}
    names = ("00400100.ScheduledProcedureStepStartDate", "ScheduledProcedureStepSequence.00400003")

    assert matches(study, query(("StudyTime", times), ("StudyDate", dates))) is expected
    assert matches(nested, query((names[0], dates), (names[1], times))) is expected


def test_a_date_without_a_time_matches_no_range_of_times() -> None:
    """An attribute that is absent matches universal keys only."""
    study = {"00080020": {"vr": "DA", "Value": ["20200115"]}}

    assert not matches(study, query(("StudyDate", "20200101-20200201"), ("StudyTime", "10-11")))
    assert matches(study, query(("StudyDate", "20200101-20200201"), ("StudyTime", "")))


def test_errors_name_the_attribute_or_the_place() -> None:
    """A key of the standard is named; an unknown one, which may be a patient's name, by its number."""
    with pytest.raises(BadRequest, match=r"^StudyDate: the value is not legal for VR DA; write a date as 20200131"):
        _ = Query.parse(Level.STUDIES, [("StudyDate", "x")]).conditions
    with pytest.raises(BadRequest, match=r"^parameter 2 of the query is neither a known attribute nor a known option$"):
        Query.parse(Level.STUDIES, [("limit", "1"), ("Doe", "Jane")])
