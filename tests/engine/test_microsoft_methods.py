"""Each method under Microsoft compatibility: that tool's answers, and ours where it has none."""

from __future__ import annotations

import base64
import hmac
import struct
from typing import Any, cast

import pytest

from dicomveil_engine import ConfigurationError, DeidentificationError, InvalidDataSetError
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.encrypt import decrypt_bytes
from dicomveil_engine.methods.microsoft import MICROSOFT_METHODS
from dicomveil_engine.methods.microsoft.date_shift import LinearDateShift
from dicomveil_engine.methods.microsoft.encrypt import decrypt
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(bytes(32))
TAG = 0x00081080
SERIES = "1.2.3"
OURS = Context(was_deidentified=True)


def applied(name: str, vr: str, values: Values, context: Context | None = None, **settings: object) -> Any:
    """What a method makes of values."""
    method = MICROSOFT_METHODS[name.lower()].build(settings, KEYS)
    return method.apply(Element(TAG, vr, values), context or Context(study_date="20250905", series_instance_uid=SERIES))


def test_other_methods_are_the_same() -> None:
    """What that tool does not do, or leaves to chance, is what it is without compatibility."""
    own = {name for name, method in MICROSOFT_METHODS.items() if method is not METHODS[name]}

    assert own == {"cryptohash", "dateshift", "encrypt", "perturb", "redact", "substitute"}
    assert MICROSOFT_METHODS.keys() == METHODS.keys()


@pytest.mark.parametrize(
    ("name", "vr", "values"),
    [
        ("cryptoHash", "LO", ["x"]),
        ("dateShift", "DA", ["20200101"]),
        ("encrypt", "LO", ["x"]),
        ("perturb", "US", [100]),
    ],
)
def test_twice_is_once(name: str, vr: str, values: Values) -> None:
    """Methods that do not recognise their own output leave the project's own data sets alone."""
    assert applied(name, vr, values, OURS) == values


# dateShift


def test_days_are_a_linear_hash() -> None:
    """h = (h * 131 + byte) mod (2 * range + 1), less the range: worked out by hand for short keys."""
    assert LinearDateShift(b"", 50).days("") == -50
    assert LinearDateShift(b"1", 50).days("") == ord("1") - 50
    assert LinearDateShift(b"2", 50).days("1") == (ord("1") * 131 + ord("2")) % 101 - 50
    assert LinearDateShift(b"123", 0).days(SERIES) == 0


def test_consecutive_uids_differ_by_a_constant() -> None:
    """131 ^ len(key) mod 101 is 33 for a key of three: the weakness that comes with compatibility."""
    shift = LinearDateShift(b"123", 50)

    assert {(shift.days(f"1.2.{n + 1}") - shift.days(f"1.2.{n}")) % 101 for n in range(8)} == {33}


def test_dates_lose_their_time_and_their_place() -> None:
    """What is over 89 years goes without a gap, and so does what leaves the calendar."""
    settings: dict[str, Any] = {"dateShiftKey": "", "dateShiftScope": "0", "dateShiftRange": 50}

    assert applied("dateShift", "DA", ["20200220", "19300101", "20200221"], **settings) == ["20200101", "20200102"]
    assert applied("dateShift", "DT", ["20200220131415.5+0100"], **settings) == ["20200101000000.000000+0100"]
    assert applied("dateShift", "DT", ["20200220131415"], **settings) == ["20200101120000.000000"]
    assert applied("dateShift", "DA", ["00010101"], Context(), **settings) == []
    assert applied("dateShift", "DA", [], **settings) == []


def test_where_that_tool_stops_dates_move_all_the_same() -> None:
    """Shorter and dotted dates by as many days as the others; what is not a date goes."""
    settings: dict[str, Any] = {"dateShiftKey": "", "dateShiftScope": "StudyInstance"}

    assert applied("dateShift", "DA", ["2020.02.20", "Doe^Jane", ""], **settings) == ["2020.01.01"]
    assert applied("dateShift", "DT", ["202002", "2020022013"], **settings) == ["201912", "2020010113"]


def test_age_is_reckoned_at_a_day_that_the_configuration_or_the_study_says() -> None:
    """There is no clock; where nothing says the day, dates move whatever their age, and do not stay in part."""
    old, unknown = ["19400101"], Context()
    settings: dict[str, Any] = {"dateShiftKey": "", "dateShiftScope": "StudyInstance"}
    partly: dict[str, Any] = {"enablePartialDatesForRedact": True}

    assert applied("dateShift", "DA", old, **settings) == ["19391112"]
    assert applied("dateShift", "DA", old, **settings, referenceDate="20300101") == []
    assert applied("dateShift", "DA", old, unknown, **settings) == ["19391112"]
    assert applied("redact", "DA", old, **partly) == ["19400101"]
    assert applied("redact", "DA", old, **partly, referenceDate="20300101") == []
    assert applied("redact", "DA", old, unknown, **partly) == []


def test_the_scopes_and_the_missing_key() -> None:
    """SopInstance by default; without a key the project's counts, and not the UID alone."""
    instance = Context(study_instance_uid="1", series_instance_uid="1.2", sop_instance_uid="1.2.3")
    one, other = (
        MICROSOFT_METHODS["dateshift"].build({}, Keys(secret)).apply(Element(TAG, "DA", ["20200220"]), instance)
        for secret in (bytes(32), b"k" * 32)
    )

    assert one != other
    assert applied("dateShift", "DA", ["20200220"], instance) == one
    assert applied("dateShift", "DA", ["20200220"], instance, dateShiftScope="seriesinstance") != one


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("dateShift", {"dateShiftRange": -1}),
        ("dateShift", {"dateShiftRange": 8_196_001}),
        ("dateShift", {"dateShiftScope": "Patients"}),
        ("dateShift", {"referenceDate": "2025-09-05"}),
        ("redact", {"referenceDate": "today"}),
        ("perturb", {"roundTo": 29}),
        ("cryptoHash", {"cryptoHashKey": ""}),
        ("cryptoHash", {"cryptoHashType": "Md5"}),
        ("encrypt", {"encryptKey": "123"}),
    ],
)
def test_wrong_settings(name: str, settings: dict[str, Any]) -> None:
    """They are refused before any data set, and their value is not repeated."""
    with pytest.raises(ConfigurationError, match=f'{name}: the setting "{next(iter(settings))}"'):
        applied(name, "UT", [], **settings)


# redact


def test_part_of_dates_and_ages() -> None:
    """The year stays as 1 January; midnight reads 12 without an offset; what cannot be read goes."""
    both: dict[str, Any] = {"enablePartialDatesForRedact": True, "enablePartialAgesForRedact": True}

    assert applied("redact", "DA", ["20210320", "19110101", "2021", "20200101"], **both) == ["20210101", "20200101"]
    assert applied("redact", "DT", ["20210320202020+1400", "2021", "20210320202020"], **both) == [
        "20210101000000.000000+1400",
        "20210101120000.000000",
    ]
    assert applied("redact", "AS", ["089Y", "090Y", "999M", "42"], **both) == ["089Y", "999M"]
    assert applied("redact", "TM", ["1200"], **both) == []
    assert applied("redact", "DA", ["20210320"]) == []


def test_what_was_redacted_already_stays() -> None:
    """In a data set of the project's own the StudyDate may be gone."""
    assert applied("redact", "DA", ["20210101"], OURS, enablePartialDatesForRedact=True) == ["20210101"]


# cryptoHash


def test_hashes_are_not_cut() -> None:
    """64, 96 or 128 digits whatever the VR; empty values among others too; OB raw, and of no length too."""
    message = hmac.digest(b"123", b"x", "sha384")

    assert applied("cryptoHash", "CS", ["x", ""], cryptoHashKey="123", cryptoHashType="32781") == [
        message.hex(),
        hmac.digest(b"123", b"", "sha384").hex(),
    ]
    assert applied("cryptoHash", "UN", b"x", cryptoHashKey="123", cryptoHashType="Sha384") == message
    assert applied("cryptoHash", "OB", b"", cryptoHashKey="123") == hmac.digest(b"123", b"", "sha256")
    assert applied("cryptoHash", "LT", [], cryptoHashKey="123") == []


def test_dates_and_codes_are_hashed_as_ascii() -> None:
    """Specific Character Set does not concern them; in texts letters are UTF-8."""
    hashed = {vr: applied("cryptoHash", vr, ["\xf6"], cryptoHashKey="123")[0] for vr in ("CS", "LO")}

    assert hashed["CS"] == hmac.digest(b"123", b"?", "sha256").hex()
    assert hashed["LO"] == hmac.digest(b"123", "\xf6".encode(), "sha256").hex()


def test_as_many_digits_as_characters() -> None:
    """That tool's 32-bit floats, with its first collision of consecutive numbers, the 6137th."""

    def matched(text: str) -> str:
        values = applied("cryptoHash", "UT", [text], cryptoHashKey="123", matchInputStringLength=True)
        return cast("str", values[0])

    assert (matched("A"), matched("12345678"), matched("00006137")) == ("6", "70733480", "51009872")
    earlier = {matched(f"{number:08}") for number in range(1, 6137)}
    assert len(earlier) == 6136
    assert "51009872" in earlier
    assert (len(matched("x" * 18)), len(matched("\U0001f600" * 9))) == (18, 18)


def test_long_values_have_digits_where_that_tool_stops() -> None:
    """From 19 characters on they are those of the method without compatibility; no characters have the whole hash."""
    settings: dict[str, Any] = {"cryptoHashKey": "123", "matchInputStringLength": True}
    plain = METHODS["cryptohash"].build(settings, KEYS)
    text = "x" * 40

    assert applied("cryptoHash", "LO", [text], **settings) == plain.apply(Element(TAG, "UT", [text]), Context())
    assert applied("cryptoHash", "LO", ["", "x"], **settings)[0] == hmac.digest(b"123", b"", "sha256").hex()


def test_without_a_key_the_project_s_counts() -> None:
    """That tool takes chance, which would be another every day."""
    plain = METHODS["cryptohash"].build({}, KEYS)

    assert applied("cryptoHash", "UT", ["x"]) == plain.apply(Element(TAG, "UT", ["x"]), Context())


# encrypt


def test_encrypted_values_can_be_read_again() -> None:
    """Base64 of IV and ciphertext, 44 characters for up to 15; empty values go, and letters beyond ASCII with them."""
    key = "0000000000000000"
    values = applied("encrypt", "PN", ["Doe^Jane", "", "D\xf6e"], encryptKey=key)

    assert [decrypt(key, value) for value in values] == ["Doe^Jane", "D?e"]
    assert {len(base64.b64decode(value, validate=True)) for value in values} == {32}
    assert {len(value) for value in values} == {44}
    assert applied("encrypt", "PN", ["", ""], encryptKey=key) == ["", ""]
    assert decrypt(key, "") == ""


def test_bytes_are_encrypted_raw() -> None:
    """Of no length, too: that is the padding."""
    encrypted = applied("encrypt", "OB", b"", encryptKey="0" * 24)

    assert len(encrypted) == 32
    assert decrypt_bytes(b"0" * 24, encrypted) == b""


def test_the_wrong_key_decrypts_nothing() -> None:
    """Its padding tells; and the message has no value in it."""
    (value,) = applied("encrypt", "LO", ["x"], encryptKey="0" * 16)

    with pytest.raises(InvalidDataSetError, match=r"^the \w+ (is|are) not encrypted with this key$"):
        decrypt("1" * 16, value)


# perturb


def test_sums_are_rounded_and_cut_to_what_the_vr_holds() -> None:
    """A width of zero shows the rounding: half to even, and integers towards zero."""
    fixed: dict[str, Any] = {"span": 0, "rangeType": "Fixed"}

    assert applied("perturb", "FD", [2.5, -3.5, 1e300], **fixed, roundTo=0) == [2.0, -4.0, 1e300]
    assert applied("perturb", "FD", [2.675, float("inf")], **fixed) == [2.68, float("inf")]
    assert applied("perturb", "FL", [0.1], **fixed) == list(struct.unpack("<f", struct.pack("<f", 0.1)))
    assert applied("perturb", "DS", ["2.500", "-0.001", "10"], **fixed) == ["2.5", "0", "10"]
    assert applied("perturb", "DS", ["12345678901234567"], **fixed) == ["1.234567890E+16"]
    assert applied("perturb", "IS", ["-7"], **fixed) == ["-7"]
    assert applied("perturb", "OW", b"\x07\x00", **fixed) == b"\x07\x00"
    assert applied("perturb", "AS", ["050Y"], **fixed) == ["050Y"]


def test_integers_stay_in_their_range() -> None:
    """Deviates: that tool wraps around. Unsigned ones are not below zero."""
    results = {
        applied("perturb", "US", [1], Context(study_instance_uid=str(n)), span=500_000, rangeType="Fixed")[0]
        for n in range(20)
    }

    assert min(results) == 0
    assert max(results) == 65535


@pytest.mark.parametrize(("vr", "value"), [("AS", "1 year"), ("DS", "x"), ("AS", "999Y")])
def test_what_cannot_be_perturbed_is_emptied(vr: str, value: str) -> None:
    """No number, or an age beyond 999 years."""
    assert applied("perturb", vr, [value], Context(study_instance_uid="1.2"), span=1e6) == []


def test_more_places_than_a_double_has_are_refused() -> None:
    """The setting asks for what no number has."""
    with pytest.raises(DeidentificationError, match="perturb cannot be applied"):
        applied("perturb", "FD", [1.0], Context(study_instance_uid="1.2"), roundTo=16)


# substitute


def test_texts_are_written_as_they_are() -> None:
    """Legal for the VR or not; LT has one value, whatever is in it."""
    assert applied("substitute", "DA", ["20200101"]) == ["Anonymous"]
    assert applied("substitute", "CS", ["X"], replaceWith="a\\b") == ["a", "b"]
    assert applied("substitute", "LT", ["X"], replaceWith="a\\b") == ["a\\b"]
    assert applied("substitute", "UI", ["1.2"], replaceWith="") == []
    assert applied("substitute", "OL", b"", replaceWith="7") == b"\x07\0\0\0"
    assert applied("substitute", "AT", [1], replaceWith="0010,0020") == [0x00100020]


def test_numbers_must_be_some() -> None:
    """Before any data set where the rule names the VR; and as many as PS3.6 gives the attribute."""
    substitute = MICROSOFT_METHODS["substitute"].build({"replaceWith": "1\\2"}, KEYS)
    rows, values = Element(0x00280010, "US", [512]), Element(0x00280034, "US", [512])

    with pytest.raises(ConfigurationError, match="not a legal value for the VR FD"):
        MICROSOFT_METHODS["substitute"].build({}, KEYS).check("FD")
    with pytest.raises(DeidentificationError, match="several values"):
        substitute.apply(rows, Context())
    with pytest.raises(DeidentificationError, match="not legal"):
        applied("substitute", "FD", [1.0])
    assert substitute.apply(values, Context()) == [1, 2]
    assert not substitute.supports("OV")
