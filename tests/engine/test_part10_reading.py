"""What an instance says of itself."""

from __future__ import annotations

import pytest

from dicomveil_engine import InstanceRewriter, InvalidDataSetError, deidentify_instance
from dicomveil_engine.attributes.well_known import SOP_INSTANCE_UID
from dicomveil_engine.part10.encoding import EXPLICIT_LITTLE
from dicomveil_engine.part10.reading import Reading, ReadingCache
from dicomveil_engine.part10.table import DecisionTable
from engine.datasets import element, header, instance, preset, rule, rules

CACHE = ReadingCache(preset("default"))
TABLE = DecisionTable(preset("default"), EXPLICIT_LITTLE, top=True)


def reading(**values: bytes) -> Reading:
    """What was noted: values by tag in hexadecimal and VR, such as `t0020000D_UI`."""
    noted = Reading(preset("default"), CACHE)
    for name, value in values.items():
        tag, vr = int(name[1:9], 16), name[10:]
        entry = TABLE[EXPLICIT_LITTLE.key_of(tag, vr)]
        if tag == SOP_INSTANCE_UID:
            noted.instance = entry, value, ("iso8859",)
        else:
            noted.context.append((entry, value, ("iso8859",)))
    return noted


def test_identity() -> None:
    """The instance's own UIDs, without padding."""
    identity = reading(
        t00080016_UI=b"1.2.840\0", t00080018_UI=b"1.2.3", t0020000D_UI=b"1.2 ", t0020000E_UI=b""
    ).identity()

    assert (identity.sop_class_uid, identity.sop_instance_uid) == ("1.2.840", "1.2.3")
    assert (identity.study_instance_uid, identity.series_instance_uid) == ("1.2", "")


def test_several_values_are_none() -> None:
    """A multi-valued UID cannot say which study this is."""
    assert reading(t0020000D_UI=b"1.2.3\\1.2.4").identity().study_instance_uid == ""


def test_known() -> None:
    """Equal for equal instances of a series, so that they share a resolver."""
    one, two = (reading(t00080018_UI=uid, t00100020_LO=b"PATIENT-1").known() for uid in (b"1.2.3", b"1.2.4"))

    assert one == two
    assert one.subject is two.subject
    assert one.subject.patient_id == "PATIENT-1"


def test_was_deidentified() -> None:
    """A study that is the project's own pseudonym has been through the policy."""
    pseudonym = preset("default").pseudonym_uid("1.2.3").encode()

    assert reading(t0020000D_UI=pseudonym).known().subject.was_deidentified is True
    assert reading(t0020000D_UI=b"1.2.3").known().subject.was_deidentified is False


def test_the_original_values_of_a_series() -> None:
    """They are the same for an instance whose elements were passed as a known run."""
    policy = rules(rule("PN", "remove"), rule("PatientID", "remove"))
    name, number = element(0x00100010, "PN", "Doe^Jane"), element(0x00100020, "LO", "PATIENT-1")
    nested = element(0x00081140, "SQ", [element(0x00081050, "PN", "Roe^Ann")])
    rest = [element(0x00280010, "US", 1), element(0x0020000D, "UI", "1.2.3")]
    seen: list[set[tuple[int, str, bytes]]] = []
    for image in range(4):
        data = instance(element(0x00080018, "UI", f"1.2.3.{image}"), nested, name, number, *rest)
        rewriter = InstanceRewriter(policy, lambda _, originals, __: seen.append(set(originals.values())))
        rewriter.feed(data)
        rewriter.close()

    wanted = {(0x00100010, "PN", b"Doe^Jane"), (0x00100020, "LO", b"PATIENT-1 "), (0x00081050, "PN", b"Roe^Ann ")}
    assert all(values >= wanted for values in seen)


def test_a_number_in_the_place_of_an_identifier() -> None:
    """A length that does not fit is refused with the attribute's name."""
    policy = rules(rule("PatientID", "remove"), rule("LT", "clean"))
    data = instance(header(0x00100020, "US", 3) + b"abc", element(0x00204000, "LT", "lead"))
    with pytest.raises(InvalidDataSetError, match=r"\(0010,0020\) PatientID US has a length"):
        deidentify_instance(data, policy)
