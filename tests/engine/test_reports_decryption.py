"""What was encrypted comes back with the key, and only with the key."""

from __future__ import annotations

import pytest

from dicomveil_engine import (
    DeidentificationError,
    InvalidDataSetError,
    Policy,
    deidentify_instance,
    load_policy,
)
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.encrypt import Encrypt
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.reports.decryption import decrypt_instance
from engine.datasets import EXPLICIT, KEY, SYNTAXES, Nodes, encoded, instance, read, rule, rules

NODES: Nodes = {
    0x00080018: ("UI", "1.2.3.9"),
    0x00080020: ("DA", "20200102"),
    0x00080080: ("LO", "Clinic"),
    0x00081080: ("LO", "a\\b"),
    0x00100010: ("PN", "Doe^Jane=B=C"),
    0x00100020: ("LO", "PATIENT-1"),
    0x00101002: ("SQ", [{0x00100020: ("LO", "PATIENT-2")}]),
    0x0020000D: ("UI", "1.2.3"),
    0x00280010: ("US", [512]),
}
RULES = [rule(tag, "encrypt") for tag in ("PatientName", "PatientID", "AdmittingDiagnosesDescription")]
NESTED = rule("OtherPatientIDsSequence", "keep")
POLICY = rules(*RULES, NESTED, profile="basic")


def encrypted(policy: Policy = POLICY, syntax: str = EXPLICIT) -> bytes:
    """The data set above, by the policy."""
    return deidentify_instance(instance(encoded(NODES, syntax), syntax=syntax), policy)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_values_come_back(syntax: str) -> None:
    """At every depth and in every encoding; the rest stays as it was de-identified."""
    before = encrypted(syntax=syntax)

    result = decrypt_instance(before, POLICY)

    output = read(result.instance)
    assert (output.PatientName, output.PatientID) == ("Doe^Jane=B=C", "PATIENT-1")
    assert list(output.AdmittingDiagnosesDescription) == ["a", "b"]
    assert output.OtherPatientIDsSequence[0].PatientID == "PATIENT-2"
    assert output.StudyInstanceUID == read(before).StudyInstanceUID == POLICY.pseudonym_uid("1.2.3")
    assert "PATIENT-1" not in str(read(before).PatientID)
    assert result.restored == (0x00081080, 0x00100010, 0x00100020)


def test_it_says_that_the_identity_is_there_again() -> None:
    """PS3.15 E.1.2: the marks go, and (0012,0062) is NO; what happened to the dates stays said."""
    output = read(decrypt_instance(encrypted(), POLICY).instance)

    assert output.PatientIdentityRemoved == "NO"
    assert "DeidentificationMethod" not in output
    assert "DeidentificationMethodCodeSequence" not in output
    assert output.LongitudinalTemporalInformationModified == "REMOVED"


def test_another_key_is_an_error_that_names_the_attribute() -> None:
    """And never a value."""
    other = load_policy({"profile": "basic", "rules": [*RULES, NESTED]}, b"o" * 32)

    with pytest.raises(DeidentificationError, match=r"\(0008,1080\) AdmittingDiagnosesDescription LO failed") as caught:
        decrypt_instance(encrypted(), other)
    assert "not encrypted with" in str(caught.value)


def test_what_is_not_encrypted_is_an_error() -> None:
    """The original, for one."""
    with pytest.raises(DeidentificationError):
        decrypt_instance(instance(encoded(NODES, EXPLICIT)), POLICY)


@pytest.mark.parametrize("policy", [rules(rule("StudyID", "encrypt"), profile="basic"), rules(profile="basic")])
def test_nothing_encrypted_is_an_error(policy: Policy) -> None:
    """The configuration is another's, or has no such rule."""
    with pytest.raises(InvalidDataSetError, match="nothing in the instance is encrypted"):
        decrypt_instance(encrypted(policy), policy)


def test_a_configured_key_needs_no_project_key() -> None:
    """Whoever has the configuration can decrypt; another encryptKey is noticed."""
    mine, other = ([rule("PatientID", "encrypt", encryptKey=key * 16)] for key in "ab")
    data = encrypted(load_policy({"profile": "basic", "rules": mine}, KEY))
    anybody = load_policy({"profile": "basic", "rules": mine}, b"?" * 32)

    assert read(decrypt_instance(data, anybody).instance).PatientID == "PATIENT-1"
    with pytest.raises(DeidentificationError):
        decrypt_instance(data, load_policy({"profile": "basic", "rules": other}, KEY))


def test_the_microsoft_layout_comes_back() -> None:
    """Under compatibility too, dates included."""
    written = [rule(tag, "encrypt", encryptKey="0123456789abcdef") for tag in ("PatientID", "StudyDate")]
    policy = load_policy({"profile": "none", "compatibility": "microsoft", "rules": written}, KEY)
    output = read(decrypt_instance(encrypted(policy), policy).instance)

    assert (output.PatientID, output.StudyDate) == ("PATIENT-1", "20200102")


def test_bytes_come_back() -> None:
    """OB and UN hold the ciphertext itself."""
    method = Encrypt.from_settings({}, Keys(KEY))
    hidden = method.apply(Element(0x00420011, "OB", b"abc"), Context())

    assert method.decrypted(Element(0x00420011, "OB", hidden or b"")) == b"abc"
    assert method.decrypted(Element(0x00420011, "OB", b"")) == b""


def test_no_configuration_asks_for_decrypt() -> None:
    """It is the way back, not a method of a profile; `encrypt` alone has one."""
    assert "decrypt" not in METHODS
    assert [name for name, builder in METHODS.items() if builder.build({}, Keys(KEY)).reversal] == ["encrypt"]


def test_the_policy_itself_stays_as_it_was() -> None:
    """The way back is a policy of its own; the other one still encrypts."""
    policy = rules(rule("PatientID", "encrypt"))
    before = policy.decide(0x00100020, "LO")
    decrypt_instance(encrypted(policy), policy)

    assert policy.decide(0x00100020, "LO") is before
    assert before.method.name == "encrypt"


@pytest.mark.parametrize("key", [{}, {"encryptKey": "k" * 16}])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_findings_in_texts_come_back(syntax: str, key: dict[str, str]) -> None:
    """What a transformation has encrypted within texts and names, at every depth, and what stands beside it."""
    policy = load_policy(
        {
            "profile": "basic",
            "options": ["cleanDescriptors"],
            "rules": [rule("PatientName", "clean"), rule("PerformedProcedureStepDescription", "remove"), NESTED],
            "text": {"transformations": [{"method": "encrypt", **key}]},
        },
        KEY,
    )
    texts = {0x00081030: ("LO", "CT for Dr. Roe"), 0x00101002: ("SQ", [{0x00081030: ("LO", "knee of Doe, left")}])}
    before = deidentify_instance(instance(encoded({**NODES, **texts}, syntax), syntax=syntax), policy)

    result = decrypt_instance(before, policy)

    was, output = read(before), read(result.instance)
    assert not {"Roe", "Doe"} & {*str(was.StudyDescription).split(), *str(was.PatientName).split("^")}
    assert str(was.StudyDescription).startswith("CT for Dr. ")
    assert (output.StudyDescription, output.PatientName) == ("CT for Dr. Roe", "Doe^Jane=B=C")
    assert output.OtherPatientIDsSequence[0].StudyDescription == "knee of Doe, left"
    assert result.restored == (0x00081030, 0x00100010)


def test_findings_of_another_key_stay() -> None:
    """With another project's key nothing in texts is decrypted, and nothing is written."""
    configuration = {
        "profile": "basic",
        "options": ["cleanDescriptors"],
        "text": {"transformations": [{"method": "encrypt"}]},
    }
    nodes = {**NODES, 0x00081030: ("LO", "CT for Dr. Roe")}
    before = deidentify_instance(instance(encoded(nodes, EXPLICIT)), load_policy(configuration, KEY))

    with pytest.raises(InvalidDataSetError, match="nothing in the instance is encrypted"):
        decrypt_instance(before, load_policy(configuration, b"another key of thirty-two bytes!"))
