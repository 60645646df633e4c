"""Microsoft compatibility over both encodings: one outcome, and nothing that JSON cannot say."""

from __future__ import annotations

import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import DeidentificationError, deidentify_instance, deidentify_metadata
from engine.datasets import SYNTAXES, Nodes, element, encoded, generated, instance, preset, real_instances, rule, rules
from engine.test_json_model_commutation import commutes, to_json

POLICIES = {
    "preset": preset("microsoft"),
    "every method": rules(
        rule("(0008,0018)", "refreshUID"),
        rule("PatientName", "substitute"),
        rule("(0010,0030)", "redact", enablePartialDatesForRedact=True, referenceDate="20250905"),
        rule("AS", "redact", enablePartialAgesForRedact=True),
        rule("PN", "cryptoHash", cryptoHashType="Sha384"),
        rule("LO", "encrypt"),
        rule("SH", "cryptoHash", matchInputStringLength=True),
        rule("DA", "dateShift", dateShiftScope="SeriesInstance", dateShiftRange=365),
        rule("DT", "dateShift", dateShiftScope="SopInstance"),
        rule("UI", "refreshUID"),
        rule("DS", "perturb", roundTo=20),
        rule("IS", "perturb", rangeType="Fixed", span=3),
        rule("FD", "perturb", roundTo=2, rangeType="Fixed", span=3),
        rule("FL", "perturb", roundTo=2),
        rule("SL", "perturb", roundTo=2),
        rule("US", "substitute", replaceWith="7"),
        rule("CS", "cryptoHash", cryptoHashType="Sha512"),
        rule("ST", "encrypt"),
        rule("OB", "cryptoHash"),
        rule("TM", "redact"),
        compatibility="microsoft",
    ),
}


@given(generated, st.sampled_from(SYNTAXES), st.sampled_from(sorted(POLICIES)))
def test_generated(nodes: Nodes, syntax: str, name: str) -> None:
    """Both ways lead to the same data set, or to a refusal."""
    commutes(instance(encoded(nodes, syntax), syntax=syntax), POLICIES[name])


@pytest.mark.parametrize("name", POLICIES)
def test_real_instances(name: str, corpus: Path) -> None:
    """Real instances too; those with compressed pixels in OB are refused under the rule for OB."""
    instances = real_instances(corpus, largest=60_000)
    compared = sum(commutes(data, POLICIES[name], file) for file, data in instances)

    assert compared > len(instances) / (2 if name == "preset" else 3)


@pytest.mark.parametrize("vr", ["DS", "IS"])
def test_hashed_numbers_have_no_json(vr: str) -> None:
    """A digest in the place of a number passes in Part 10, as that tool writes it, and is refused in JSON."""
    data = instance(element(0x00082130 if vr == "DS" else 0x00082122, vr, "12"))
    policy = rules(rule(vr, "cryptoHash", cryptoHashKey="123"), compatibility="microsoft")

    assert hmac.digest(b"123", b"12", "sha256").hex().encode() in deidentify_instance(data, policy)
    with pytest.raises(DeidentificationError, match="the method gives no legal value"):
        deidentify_metadata([to_json(data)], policy)
