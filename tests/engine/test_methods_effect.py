"""What each method says of itself, held against what it does: no trait is a promise that nobody checks."""

from __future__ import annotations

from dataclasses import is_dataclass

import pytest

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.base import Context, Element, Method, Values
from dicomveil_engine.methods.by_type import ByType
from dicomveil_engine.methods.clean_content import CleanContent
from dicomveil_engine.methods.clean_required import CleanRequired
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.microsoft import MICROSOFT_METHODS
from dicomveil_engine.methods.unchecked import EmptyUnchecked
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.words import IdentifyingWords

KEYS = Keys(b"k" * 32)
WITH_SETTINGS = {"generalize", "substitute"}
"""Methods that mean something for few VRs with one set of settings: they are built with several."""
METHODS_OF_ALL_KINDS: list[Method] = [
    *(builder.build({}, KEYS) for name, builder in METHODS.items() if name not in WITH_SETTINGS),
    *(builder.build({}, KEYS) for name, builder in MICROSOFT_METHODS.items() if builder is not METHODS[name]),
    METHODS["generalize"].build({"step": 5}, KEYS),
    METHODS["generalize"].build({"values": {"CT": "RADIOLOGY"}, "otherValues": "keep"}, KEYS),
    METHODS["substitute"].build({}, KEYS),
    METHODS["substitute"].build({"replaceWith": "3"}, KEYS),
    MICROSOFT_METHODS["substitute"].build({"replaceWith": "3"}, KEYS),
    METHODS["redact"].build({"enablePartialAgesForRedact": True, "enablePartialDatesForRedact": True}, KEYS),
    EmptyUnchecked(),
    CleanRequired(),
    CleanContent(),
    ByType.of("X/Z/D", KEYS),
]
"""Those that a rule can name, under both compatibilities, and the profile's own."""

VALUES: dict[str, list[Values]] = {
    **{vr: [["7"], ["12"]] for vr in ("DS", "IS")},
    **{vr: [[7], [12]] for vr in ("AT", "SL", "SS", "SV", "UL", "US", "UV")},
    **{vr: [[7.5], [12.0]] for vr in ("FD", "FL")},
    **{vr: [bytes(8), bytes(7) + b"A"] for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "UN")},
    "AS": [["045Y"], ["007M"]],
    "DA": [["20200310"], ["20210405"]],
    "DT": [["20200310102030"], ["20210405102030"]],
    "TM": [["102030"], ["235959"]],
    "UI": [["1.2.3.4"], ["1.2.3.5"]],
    "PN": [["QUZZAX^JANE"], ["QUZZAX^JOHN"]],
}
TEXTS: list[Values] = [["CHEST"], ["CT"], ["NODULE QUZZAX"]]


def context(*, was_deidentified: bool = False) -> Context:
    """A data set that names somebody."""
    words = IdentifyingWords()
    words.add("QUZZAX^JANE", "PN")
    return Context("1.2.840.10008.5.1.4.1.1.2", "1.2.3", "1.2.4", "1.2.5", "PATIENT-1", "QUZZAX^JANE", "20200310",
                   was_deidentified, words)  # fmt: skip


def cases() -> list[tuple[Method, str]]:
    """Every method with every VR for values that it supports."""
    vrs = sorted(dictionary.VRS - {"SQ"})
    return [(method, vr) for method in METHODS_OF_ALL_KINDS for vr in vrs if has_outcome(method, vr)]


def has_outcome(method: Method, vr: str) -> bool:
    """Whether the method and its settings mean something for the VR."""
    if not method.supports(vr):
        return False
    try:
        method.check(vr)
    except ConfigurationError:
        return False
    return True


def outcomes(method: Method, vr: str, given: Context) -> list[tuple[Values, Values | None]]:
    """Values and what becomes of them."""
    return [
        (values, method.apply(Element(0x00181030, vr, values), given))
        for values in VALUES.get(vr, TEXTS)
    ]  # fmt: skip


NAMES = [f"{type(method).__name__}-{vr}" for method, vr in cases()]


@pytest.mark.parametrize(("method", "vr"), cases(), ids=NAMES)
def test_effect(method: Method, vr: str) -> None:
    """A method does what its effect says, whatever the value."""
    effect, made = method.effect(vr), outcomes(method, vr, context())
    after = [new for _, new in made]

    if effect.keeps:
        assert all(new == values for values, new in made)
    elif effect is Effect.CHECK:
        assert all(new in (values, []) for values, new in made)
    elif effect is Effect.REMOVE:
        assert after == [None] * len(made)
    elif effect is Effect.EMPTY:
        assert all(new is not None and not len(new) for new in after)
    elif effect is Effect.CONSTANT:
        assert all(new == after[0] for new in after)
    elif effect in {Effect.UID_PSEUDONYM, Effect.PATIENT_PSEUDONYM, Effect.REPLACE}:
        assert all(new != values for values, new in made)
    else:
        assert effect in {Effect.CHANGE, Effect.BY_TYPE}


@pytest.mark.parametrize(("method", "vr"), cases(), ids=NAMES)
def test_twice_is_once(method: Method, vr: str) -> None:
    """What recognises its own output leaves it as it is; what does not leaves the project's own data sets alone."""
    own = context(was_deidentified=True)
    if not method.recognises_own_output:
        assert all(new == values for values, new in outcomes(method, vr, own))
        return
    for _, once in outcomes(method, vr, context()):
        if once is not None:
            twice = method.apply(Element(0x00181030, vr, once), own)
            assert twice == once or (twice is None and method.effect(vr) is Effect.BY_TYPE)


@pytest.mark.parametrize(("method", "vr"), cases(), ids=NAMES)
def test_traits_of_a_way_back_and_of_dates(method: Method, vr: str) -> None:
    """A way back gives the values again, up to what Base64 and ASCII lose; dates move by the days that are said."""
    if method.reversal is not None:
        for values, new in outcomes(method, vr, context()):
            assert method.reversal.decrypted(Element(0x00181030, vr, new or [])) == values
    if method.date_move is not None and vr == "DA":
        days = method.date_move.shift.days(getattr(context(), method.date_move.scope.value))
        assert abs(days) <= method.date_move.shift.range


@pytest.mark.parametrize("method", METHODS_OF_ALL_KINDS, ids=lambda method: type(method).__name__)
def test_every_method_is_a_value(method: Method) -> None:
    """A frozen dataclass with a name and an action code, whose repr shows no key; only one that chooses has others."""
    assert is_dataclass(method)
    assert hash(method) == hash(method)
    assert method.name
    assert method.action_on("LO")
    assert "key" not in repr(method)
    assert (method.chosen(0x00080023, "", is_top=True) is method) is (method.effect("LO") is not Effect.BY_TYPE)


@pytest.mark.parametrize("method", METHODS_OF_ALL_KINDS, ids=lambda method: type(method).__name__)
def test_words(method: Method) -> None:
    """What says that it looks at the words of the instance gives another value for them, and no other method does."""
    plain = Context("1.2.840.10008.5.1.4.1.1.2", "1.2.3", "1.2.4", "1.2.5", "PATIENT-1", "QUZZAX^JANE", "20200310")
    element = Element(0x00181030, "LO", ["NODULE QUZZAX"])
    if has_outcome(method, "LO"):
        assert (method.apply(element, plain) != method.apply(element, context())) is method.cleans_by_words


@pytest.mark.parametrize("effect", Effect)
def test_kinds_of_effects_exclude_each_other(effect: Effect) -> None:
    """No effect is of two kinds."""
    assert sum((effect.keeps, effect.leaves_nothing, effect.replaces)) <= 1
