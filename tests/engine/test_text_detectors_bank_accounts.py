"""CREDIT_CARD_NUMBER, IBAN_CODE and SWIFT_CODE."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.text.detectors import checksums
from engine.text_detection import found, infotypes, left


def iban(country: str, account: str) -> str:
    """With its check digits (ISO 13616)."""
    digits = "".join(str(int(character, 36)) for character in f"{account}{country}00")
    return f"{country}{98 - int(digits) % 97:02d}{account}"


@given(st.sampled_from(["DE", "FR", "GB", "NL"]), st.text("0123456789", min_size=18, max_size=18))
def test_ibans(country: str, account: str) -> None:
    """With and without blanks; with a wrong check digit it is none."""
    right = iban(country, account)
    wrong = right[:2] + f"{(int(right[2:4]) + 1) % 100:02d}" + right[4:]
    grouped = " ".join(right[at : at + 4] for at in range(0, len(right), 4))

    assert found("bank_accounts", f"pays by {right}, thanks") == [right]
    assert found("bank_accounts", grouped) == [grouped]
    assert "IBAN_CODE" not in infotypes("bank_accounts", wrong)
    left("bank_accounts", grouped)


@given(st.text("0123456789", min_size=14, max_size=14))
def test_cards(digits: str) -> None:
    """With Luhn's check digit, and not with another one."""
    right = next(f"4{digits}{last}" for last in "0123456789" if checksums.luhn(f"4{digits}{last}"))
    wrong = right[:-1] + str((int(right[-1]) + 1) % 10)
    grouped = " ".join(right[at : at + 4] for at in range(0, 16, 4))

    assert found("bank_accounts", f"card {grouped} valid") == [grouped]
    assert infotypes("bank_accounts", right) == ["CREDIT_CARD_NUMBER"]
    assert "CREDIT_CARD_NUMBER" not in infotypes("bank_accounts", f"x {wrong} y")


@pytest.mark.parametrize("text", ["SWIFT DEUTDEFF", "BIC: DEUTDEFF500"])
def test_swift_codes_need_a_cue(text: str) -> None:
    """Eight capitals are a word like any other."""
    assert infotypes("bank_accounts", text) == ["SWIFT_CODE"]
    assert found("bank_accounts", "DEUTDEFF") == []


@pytest.mark.parametrize("text", ["512 512 300 4000", "TR 4000 TE 4000", "1234 5678 9012", "ABDOMENPELVIS"])
def test_sizes_and_words_stay(text: str) -> None:
    """Without check digits."""
    assert found("bank_accounts", text) == []
