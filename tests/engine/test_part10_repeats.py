"""What stays in memory between instances."""

from __future__ import annotations

from dicomveil_engine.part10 import repeats
from dicomveil_engine.part10.forms import FORM_KEY, Form
from dicomveil_engine.part10.fragment import UNCHANGED
from dicomveil_engine.part10.repeats import Place, Repeats, Run, keep_sequence


def run(beginning: bytes, number: int) -> Run:
    """A run of which nothing is known but its bytes."""
    return Run(beginning + number.to_bytes(8), UNCHANGED, None, (), ())


def test_sequences_are_bounded() -> None:
    """However many a stranger sends, so many are repeats."""
    place = Place()
    for number in range(10_000):
        keep_sequence(place.removed, number.to_bytes(8), [])

    assert len(place.removed) <= 2_048


def test_runs_are_bounded() -> None:
    """All runs of a place together, whether they begin alike or not."""
    place = Place()
    for number in range(1_000):
        place.learn(run(number.to_bytes(repeats.RUN_KEY), number))
        place.learn(run(bytes(repeats.RUN_KEY), number))

        assert sum(map(len, place.runs.values())) <= 256
        assert len(place.runs.get(bytes(repeats.RUN_KEY), [])) <= 8


def test_newest_of_runs_that_begin_alike() -> None:
    """The series that is being read finds its own first."""
    place = Place()
    for number in range(20):
        place.learn(run(bytes(repeats.RUN_KEY), number))

    assert place.runs[bytes(repeats.RUN_KEY)][0].raw == run(bytes(repeats.RUN_KEY), 19).raw


def form(raw: bytes) -> Form:
    """The form of a sequence without UIDs."""
    return Form(raw, raw, [])


def test_forms_are_bounded() -> None:
    """As runs: all forms of a place together, and those with the same lengths; an equal form is not added."""
    place = Place()
    for number in range(1_000):
        different, alike = number.to_bytes(FORM_KEY), bytes(FORM_KEY) + number.to_bytes(8)
        for raw in (different, alike, alike):
            place.learn_form(raw, form(raw))
        place.note_use(alike)

        assert sum(map(len, place.forms.values())) <= 256
        assert len(place.forms[alike[:FORM_KEY]]) <= 8
        assert place.forms[alike[:FORM_KEY]][0].is_same(form(alike))
        assert len(place.forms[alike[:FORM_KEY]]) < 2 or not place.forms[alike[:FORM_KEY]][1].is_same(form(alike))


def test_sequences_that_have_no_form_in_common() -> None:
    """After some forms that were never used no more are learned or compared, for sequences with these lengths only."""
    place, raws = Place(), [bytes(FORM_KEY) + number.to_bytes(8) for number in range(40)]
    learned = 0
    for raw in raws:
        if place.may_learn_form(raw):
            place.learn_form(raw, form(raw))
            learned += 1

    assert learned < 20
    assert not place.forms
    other = bytes([1] * FORM_KEY)
    assert place.may_learn_form(other)
    place.note_use(raws[0])
    assert place.may_learn_form(raws[0])


def test_forms_are_tried_again() -> None:
    """Sequences without a form in common do not keep those of a later series from being learned."""
    place, learned = Place(), []
    for number in range(10_000):
        raw = bytes(FORM_KEY) + number.to_bytes(8)
        learned.append(place.may_learn_form(raw))
        if learned[-1]:
            place.learn_form(raw, form(raw))

    assert not any(learned[20:4_000])
    assert any(learned[4_000:5_000])
    assert sum(learned) < 100


def test_places_are_bounded() -> None:
    """A stranger may invent combinations of character sets."""
    places = Repeats()
    for number in range(1_000):
        places[0, "explicit", (str(number),), ()].kept[b"1"] = UNCHANGED

    assert len(places) <= 64


def test_seen_again() -> None:
    """Only what comes a second time is worth remembering; the memory of what came is bounded too."""
    places = Repeats()

    assert not places.is_seen_again(b"once")
    assert places.is_seen_again(b"once")
    for number in range(20_000):
        places.is_seen_again(number.to_bytes(8))
    assert not places.is_seen_again(b"once")
