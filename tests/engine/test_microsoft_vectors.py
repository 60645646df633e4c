"""The Microsoft tool's known answers, one by one; each is a test here, or is skipped with the reason.

They are read from the shared folder and come from that tool's own tests and golden files (commit a2d90ba).
"""

from __future__ import annotations

import base64
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from dicomveil_engine import ConfigurationError, DeidentificationError, InvalidDataSetError
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.tags import parse_pattern
from dicomveil_engine.configuration import read_configuration
from dicomveil_engine.methods.base import Context, Element, Method
from dicomveil_engine.methods.encrypt import decrypt_bytes
from dicomveil_engine.methods.microsoft import MICROSOFT_METHODS
from dicomveil_engine.methods.microsoft.ages import read_as, write_as
from dicomveil_engine.methods.microsoft.date_shift import MicrosoftShiftDates
from dicomveil_engine.methods.microsoft.dates import read_da, read_dt, write_dt
from dicomveil_engine.methods.microsoft.encrypt import decrypt
from dicomveil_engine.methods.microsoft.perturb import MicrosoftPerturb
from dicomveil_engine.methods.microsoft.redact import MicrosoftRedact
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.reports.validation import validate_instance
from engine.datasets import KEY, body, element, fragments, instance, read, rewritten, rule, rules
from engine.microsoft_answers import SHARED, VECTORS, Vector, as_dicom, differences, numbers, policy, tag_of, values

KEYS = Keys(KEY)

NOW = "20250905"
"""The day on which the answers were taken; that tool asks the clock."""
PIXEL_DATA = 0x7FE00010

_FHIR = "FHIR's dates; DICOM's have known answers of their own"
NOT_OURS = {
    ("function(FHIR path)", "redact"): _FHIR,
    ("function(not reachable from DICOM)", "redact"): "no DICOM value is redacted as a postal code",
    ("dataset", "engine(custom processor)"): "methods are not plug-ins here",
    ("cli", "cli"): "the command line's arguments, which the tests of the command cover",
}
"""Tier and method → why there is nothing to compare."""


def _cases() -> list[Any]:
    names = (f"{number}-{v['tier']}-{v['method']}-{v['vr']}" for number, v in enumerate(VECTORS))
    cases = [pytest.param(vector, id=name) for vector, name in zip(VECTORS, names, strict=True)]
    return cases or [pytest.param({}, marks=pytest.mark.skip(reason="the folder `shared` is not there"))]


@pytest.mark.parametrize("vector", _cases())
def test_known_answer(vector: Vector) -> None:
    """What that tool's own tests expect, dicomveil gives under compatibility."""
    tier, method = vector["tier"], vector["method"]
    if "-c " in str(vector["input"]):
        assert _is_refused({"rules": vector["settings"]["rules"], "defaultSettings": {}})
    elif (tier, method) in NOT_OURS:
        pytest.skip(NOT_OURS[tier, method])
    elif tier == "config":
        _configuration(vector)
    elif tier in {"util", "dataset"} or (tier == "file golden" and method == "cli"):
        {"util": _reading, "dataset": _data_set, "file golden": _golden}[tier](vector)
    elif method == "encrypt(decrypt)":
        _decryption(vector)
    elif vector["vr"].endswith("-fragments"):
        _encapsulated(vector)
    elif vector["method"] == "refreshUID" and vector["vr"] == "UI":
        _refreshed(vector)
    else:
        _element(vector)


# Elements: what one method makes of one value


def _element(vector: Vector) -> None:
    tag = tag_of(vector)
    vr, given, expected, settings = as_dicom(vector)
    prefix = settings.pop("dateShiftKeyPrefix", "")
    method = MICROSOFT_METHODS[vector["method"].lower()].build(settings, KEYS)
    if vr != "SQ":
        given = values(vr, given)
    uids = vector.get("uids", {"SOPInstanceUID": prefix})
    context = Context(
        study_instance_uid=uids.get("StudyInstanceUID", ""),
        series_instance_uid=uids.get("SeriesInstanceUID", ""),
        sop_instance_uid=uids.get("SOPInstanceUID", ""),
        study_date=NOW,
    )
    if isinstance(expected, dict) and "auto_validation_off(engine)" in expected:
        expected = expected["auto_validation_off(engine)"]
    if isinstance(expected, dict) and "error" in expected:
        assert _fails(method, tag, vr, given, context)
        return
    assert method.supports(vr)
    _check(method, Element(tag, vr, given), context, expected, settings)


def _check(method: Method, given: Element, context: Context, expected: Any, settings: dict[str, Any]) -> None:
    actual: Any = method.apply(given, context)
    if not isinstance(expected, dict):
        written = expected if isinstance(expected, list) else [] if expected in {"", None} else [expected]
        if given.vr in {"AE", "CS", "SH", "DA", "IS"} and len(written) == 1:
            written = written[0].split("\\")
        assert actual == values(given.vr, written)
    elif "absent" in expected:
        assert actual is None
    elif "zero_items" in expected:
        assert actual == []
    elif "hex" in expected:
        assert actual == bytes.fromhex(expected["hex"])
    elif "same_offset_for_all" in expected:
        pairs = zip(actual, given.values, strict=True)
        days = [(_day(new) - _day(old)).days for new, old in pairs]
        assert days == [expected["computed_days"]] * len(days)
    elif any(name.startswith("round_trip") for name in expected):
        _check_round_trip(actual, given, settings["encryptKey"])
    else:
        _check_bounds(method, given, context, expected)


def _day(text: Any) -> date:
    day = read_da(text)
    assert day is not None
    return day


def _check_bounds(method: Method, given: Element, context: Context, expected: Any) -> None:
    """Noise and unknown keys give no one answer, but one between two; several studies, so that they differ."""
    if "computed" in expected:
        assert method.apply(given, context) == [expected["computed"]]
    for number in range(20):
        context.study_instance_uid = context.sop_instance_uid = f"1.2.3.{number}"
        (actual,) = numbers(given.vr, method.apply(given, context))
        if isinstance(expected["min"], str):
            assert expected["min"][:8] <= actual[:8] <= expected["max"][:8]
        else:
            assert expected["min"] <= float(actual) <= expected["max"]
            assert round(float(actual), expected.get("max_decimals", 15)) == pytest.approx(float(actual), abs=1e-6)


def _check_round_trip(actual: Any, given: Element, key: str) -> None:
    if isinstance(given.values, bytes):
        assert decrypt_bytes(key.encode(), actual) == given.values
        assert len(actual) == 16 + (len(given.values) // 16 + 1) * 16
    else:
        assert [decrypt(key, text) for text in actual] == given.values
        assert all(len(base64.b64decode(text, validate=True)) % 16 == 0 for text in actual)


def _fails(method: Method, tag: int, vr: str, given: Any, context: Context) -> bool:
    if not method.supports(vr):
        return True
    try:
        method.apply(Element(tag, vr, given), context)
    except DeidentificationError:
        return True
    return False


def _refreshed(vector: Vector) -> None:
    """The pseudonym is one of that form, the same for the same UID in every attribute."""
    given = vector["input"]
    originals = list(given.values()) if isinstance(given, dict) else [given]
    refresh = MICROSOFT_METHODS["refreshuid"].build({}, KEYS)
    (pseudonym,) = {str(refresh.apply(Element(0x00080014, "UI", [uid]), Context())) for uid in originals}
    assert re.fullmatch(r"\['2\.25\.[0-9]{1,39}'\]", pseudonym)
    assert pseudonym != str(originals[:1])


def _encapsulated(vector: Vector) -> None:
    """Encapsulated Pixel Data can be emptied and removed; no other method opens it."""
    data = instance(element(0x00080018, "UI", "1.2.3"), fragments(b"ab", b"cd"))
    written = rule("(7FE0,0010)", vector["method"], **vector["settings"])
    if vector["method"] == "remove":
        assert b"\xe0\x7f\x10\x00" not in body(rewritten(rules(written, compatibility="microsoft"), [data]))
    elif vector["method"] == "redact":
        out = body(rewritten(rules(written, compatibility="microsoft"), [data]))
        assert out.endswith(element(PIXEL_DATA, "OB", b""))
    else:
        with pytest.raises((ConfigurationError, DeidentificationError, InvalidDataSetError)):
            rewritten(rules(written, compatibility="microsoft"), [data])
        if "error" not in vector["expected"]:
            pytest.skip("no method changes the fragments of encapsulated Pixel Data; such an instance is refused")


def _decryption(vector: Vector) -> None:
    key, given = vector["settings"]["encryptKey"], vector["input"]
    if isinstance(given, dict):
        assert decrypt(key, given["base64"]) == vector["expected"]
    else:
        with pytest.raises(InvalidDataSetError):
            decrypt_bytes(key.encode(), given.encode())


def _reading(vector: Vector) -> None:
    """Dates and ages, as text and as what they mean."""
    given, expected = vector["input"], vector["expected"]
    is_error = isinstance(expected, dict) and "error" in expected
    if vector["method"] == "parseDA":
        assert (read_da(given) is None) is is_error
    elif vector["method"] == "parseDT":
        moment = read_dt(given)
        assert (moment.isoformat(timespec="milliseconds") if moment else None) == (None if is_error else expected)
    elif vector["method"] == "formatDT":
        iso, zone = given.split()
        moment = datetime.fromisoformat(iso)
        assert write_dt(moment if zone == "hasTZ" else moment.replace(tzinfo=None)) == expected
    elif vector["method"] == "parseAS":
        age = read_as(given)
        units = {"Y": "years", "M": "months", "W": "weeks", "D": "days"}
        assert (f"{age[0]} {units[age[1]]}" if age else None) == (None if is_error else expected)
    else:
        number, unit = given.split()
        if is_error:
            with pytest.raises(ValueError, match="no room"):
                write_as(int(number), unit)
        else:
            assert write_as(int(number), unit) == expected


# Whole data sets


def _data_set(vector: Vector) -> None:
    given, settings = vector["input"], vector["settings"]
    if "rule" in settings:
        written = rule(settings["rule"], "redact", enablePartialDatesForRedact="true")
        used = rules(written, compatibility="microsoft")
    elif "validateInput" in settings:
        assert 0x00101010 in {problem.tag for problem in validate_instance(_instance(given))}
        return
    else:
        is_sample = "rules" in settings
        used = policy(f"microsoft_configs/configuration-{'test-engine' if is_sample else 'invalid-string-output'}.json")
    if given == "same data":
        given = next(v["input"] for v in VECTORS if v["settings"].get("validateOutput") is False)
        problems = validate_instance(rewritten(used, [_instance(given)]))
        assert {problem.tag for problem in problems} >= {0x00080052, 0x00080054, 0x00082130, 0x00101010}
        return
    out = read(rewritten(used, [_instance(given)]))
    assert {name: str(out[tag_of({"tag": name})].value or "") for name in vector["expected"]} == vector["expected"]


def _instance(values_by_tag: dict[str, str]) -> bytes:
    elements = {tag_of({"tag": name[:11]}): value for name, value in values_by_tag.items()}
    elements = {**elements, 0x00080020: NOW}
    written = (element(tag, dictionary.vrs_of(tag)[0], value) for tag, value in sorted(elements.items()))
    return instance(*written)


def _golden(vector: Vector) -> None:
    """Only UIDs differ, which are chance there; and sequences, within which rules hold here."""
    names = {"default configuration.json": "microsoft_default_configuration.json"}
    written = vector["settings"]["config"].replace("TestConfigs", "microsoft_configs")
    folder = SHARED / "corpus" / "microsoft"
    given = (folder / "cli_input" / Path(vector["input"]).name).read_bytes()
    golden = (folder / "cli_expected" / Path(vector["expected"]).name).read_bytes()
    for expected, actual in differences(given, golden, policy(names.get(written, written))):
        assert expected is not None
        assert actual is not None
        assert expected.VR == actual.VR
        assert expected.VR in {"UI", "SQ"}
        assert expected.VR == "SQ" or str(actual.value).startswith("2.25.")


# Configurations


def _configuration(vector: Vector) -> None:
    if vector["method"] == "parseRule":
        assert _is_refused({"rules": [vector["input"]], "customSettings": {}})
    elif vector["method"] == "parseRuleTag":
        pattern = parse_pattern(vector["input"])
        kind, text = vector["expected"].split(" ")[:2]
        expected = f"({text.strip('()').upper()})".replace("X", "x") if kind != "VR" else text
        assert (pattern.text, pattern.vr) == (expected, text if kind == "VR" else None)
    else:
        _settings(vector)


def _settings(vector: Vector) -> None:
    name = vector["method"].partition("(")[2].rstrip(")")
    settings = dict(vector["settings"])
    written = {key: value for key, value in vector["input"].items() if value is not None}
    document = {
        "profile": "none",
        "compatibility": "microsoft",
        "rules": [{"tag": {"redact": "AS", "perturb": "IS"}.get(name, "DA"), "method": name, **written}],
        "defaultSettings": {name: settings.pop("default")},
        "customSettings": settings,
    }
    (only,) = read_configuration(document, KEYS).rules
    assert _described(only.method) == {**vector["expected"], **_scope(vector["expected"])}


def _described(method: Method) -> dict[str, object]:
    if isinstance(method, MicrosoftRedact):
        return {"enablePartialDatesForRedact": method.partial_dates, "enablePartialAgesForRedact": method.partial_ages}
    if isinstance(method, MicrosoftPerturb):
        kind = "Proportional" if method.proportional else "Fixed"
        return {"span": method.span, "roundTo": method.round_to, "rangeType": kind}
    assert isinstance(method, MicrosoftShiftDates)
    return {"key": "123", "scope": method.scope.name, "range": method.shift.range}


def _scope(expected: Vector) -> Vector:
    scopes = {"SOPInstance": "INSTANCE", "SeriesInstance": "SERIES", "StudyInstance": "STUDY"}
    return {"scope": scopes[expected["scope"]]} if "scope" in expected else {}


def _is_refused(document: Vector) -> bool:
    try:
        read_configuration({"profile": "none", "compatibility": "microsoft", **document}, KEYS)
    except ConfigurationError:
        return True
    return False
