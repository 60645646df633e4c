"""Taking a data set's identifying words out of free text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.text.seeds import DUMMY_WORD, is_descriptive
from dicomveil_engine.text.spelling import fold
from dicomveil_engine.text.words import IdentifyingWords


def words_of(*values: tuple[str, str]) -> IdentifyingWords:
    words = IdentifyingWords()
    for value, vr in values:
        words.add(value, vr)
    return words


DOE = words_of(
    ("Doe^Jane^^Dr", "PN"),
    ("PATIENT-1", "LO"),
    ("A12", "SH"),
    ("Mercy Hospital", "LO"),
    ("1.2.3", "UI"),
    ("Müller^Zoë", "PN"),
    ("O'Neil^Li", "PN"),
)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Jane Doe, T1 ax", ", T1 ax"),
        ("DOE, JANE T1", "T1"),
        ("T1 doe^jane ax", "T1 ax"),
        ("doe_jane_T1", "_T1"),
        ("DoeJane T1", "T1"),
        ("Chest (Doe)", "Chest ()"),
        ("reported by Dr. O'Neil at MERCY hospital", "reported by at"),
        ("Zoe Muller, Mu\u0308ller", ""),
        ("patient-1 T1", "T1"),
        ("ID A12, not A123 or BA12", "ID , not A123 or BA12"),
        ("study 1.2.3 done", "study done"),
        ("first Doe\nsecond  line", "first\nsecond  line"),
        ("\uff24\uff4f\uff45 T1", "T1"),
        ("12 Mar 2020 Doe 555-1234", ""),
    ],
)
def test_identifying_words_go(text: str, cleaned: str) -> None:
    """Words go in any case, accent and width; one blank stays where they stood, line breaks remain."""
    assert DOE.remove_from(text) == cleaned


@pytest.mark.parametrize("text", ["", "T1  ax 3mm", "doer", "Lid", "L4/5", "A 1 2", " padded ", "頭部 CT", "ﬁne"])
def test_a_text_without_them_is_the_same_string(text: str) -> None:
    """Nothing is tidied where nothing went."""
    assert DOE.remove_from(text) is text


@pytest.mark.parametrize(
    ("name", "text", "cleaned"),
    [
        ("Yamada^Tarou=山田^太郎", "山田太郎様の検査", "様の検査"),
        ("Yamada^Tarou=山田^太郎", "\uff39\uff41\uff4d\uff41\uff44\uff41 の検査", "の検査"),
        ("Li^Xiaolong=李^小龙", "李小龙 CT", "CT"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "홍길동은 검사", "은 검사"),
        ("Ж\u0434\u0436^\u042f\u0448", "ж\u0414\u0416 CT", "CT"),
        ("अनिल^शर्मा", "शर्मा CT", "CT"),
    ],
)
def test_names_of_any_script(name: str, text: str, cleaned: str) -> None:
    """Names go from the middle of the text where a script writes no blanks."""
    assert words_of((name, "PN")).remove_from(text) == cleaned


def test_what_a_cut_joins_goes_too() -> None:
    """Digits that a cut brings together are read again."""
    assert DOE.remove_from("T1 tel Doe 4567 ax") == "T1 tel ax"


def test_the_dummy_is_not_identifying() -> None:
    """A second pass meets the first one's dummies, and leaves texts that hold the word alone."""
    assert words_of(("ANONYMOUS", "PN"), ("Anonymous", "LO")).remove_from("anonymous T1") == "anonymous T1"


def test_a_value_added_late_counts() -> None:
    """Values may still be added after a first text."""
    words = words_of(("Doe", "PN"))
    assert words.remove_from("T1 Jane") == "T1 Jane"

    words.add("Jane", "PN")

    assert words.remove_from("T1 Jane") == "T1"


def test_long_texts_are_read_too() -> None:
    """Length changes nothing but what is remembered."""
    assert "Doe" not in DOE.remove_from("supine " * 1000 + "Doe " + "prone " * 1000)


NAMES = st.lists(st.text("abcdeéöЖ山田", min_size=2, max_size=5), min_size=1, max_size=3)
TEXTS = st.text("abcdeéöЖ山田 12.-/@,\n^", max_size=40)


@given(NAMES, TEXTS, st.data())
def test_no_name_survives(parts: list[str], text: str, data: st.DataObject) -> None:
    """However a name's part is written, no word of it is left, and a second pass changes nothing."""
    words = words_of(("^".join(parts), "PN"))
    part = data.draw(st.sampled_from([*parts, *map(str.upper, parts)]))

    cleaned = words.remove_from(f"{text} {part} {text}")

    assert part.lower() not in re.findall(r"[^\W\d_]+", cleaned.lower())
    assert words.remove_from(cleaned) is cleaned


@given(st.text(min_size=2, max_size=12).filter(str.strip), st.text(max_size=20))
def test_any_value_and_any_text(value: str, text: str) -> None:
    """Whatever stands in a data set, cleaning ends, and cleaning again changes nothing."""
    words = words_of((value, "LO"), (value, "PN"), (value, "UI"))

    cleaned = words.remove_from(f"{text} {value} {text}")

    assert words.remove_from(cleaned) is cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("CT HEAD", "CT HEAD"),
        ("ct head with contrast", "ct head with contrast"),
        ("CT HEAD R", "CT HEAD R"),
        ("CT HEAD L", "CT"),
        ("HEAD", ""),
        ("CT of Head, seen by us", "CT of , seen by us"),
        ("CT HEAD Long", "CT"),
        ("CT HEAD J", "CT"),
        ("CT HEAD 2020-01-02", "CT HEAD"),
        ("head_ct 4711", "head_ct"),
        ("The head is normal. Mrs Head left", "The head is normal. Mrs left"),
        ("seen by Head", "seen by"),
        ("US HEAD JANE HEAD", "US HEAD"),
        ("we told Head that", "we told that"),
    ],
)
def test_descriptions(text: str, cleaned: str) -> None:
    """What describes images alone stays, whoever's name is in it; anything else in the text, and the name goes."""
    assert words_of(("Head^Jane^Long", "PN"), ("4711", "LO")).remove_from(text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("T1 J. Doe", "T1"),
        ("Doe J, T1", ", T1"),
        ("seen by jdoe", "seen by"),
        ("DoeJ T1", "T1"),
        ("J T1", "J T1"),
    ],
)
def test_initials(text: str, cleaned: str) -> None:
    """Initials go beside a name and run together with it; alone they stay."""
    assert words_of(("Doe^Jane", "PN")).remove_from(text) == cleaned


_NAME_PART = st.text(st.sampled_from("abdeghjklmnopqrsuvxyzäéñšø"), min_size=3, max_size=9)
_NAME_PARTS = st.lists(
    _NAME_PART.filter(lambda part: part != DUMMY_WORD and not is_descriptive(fold(part))),
    min_size=2,
    max_size=4,
    unique=True,
)
_CASES = st.sampled_from([str.lower, str.upper, str.title, str.swapcase])
_SEPARATORS = st.sampled_from([" ", ", ", "^", ".", "-", "_", "/", "; ", " - ", "\n", "=", ""])


@given(_NAME_PARTS, st.data())
def test_planted_names_never_survive(parts: list[str], data: st.DataObject) -> None:
    """In any order and case, with any separators, with accents or without."""
    order = data.draw(st.permutations(parts))[: data.draw(st.integers(1, len(parts)))]
    separator = data.draw(_SEPARATORS) if len(order) < 3 else data.draw(_SEPARATORS.filter(bool))
    written = separator.join(data.draw(_CASES)(part) for part in order)
    if data.draw(st.booleans()):
        written = fold(written)
    cleaned = words_of(("^".join(parts), "PN")).remove_from(f"CT 5 mm {written} T1")

    assert not [part for part in order if fold(part) in re.split(r"[\W_]+", fold(cleaned))]
    assert fold(written) not in fold(cleaned)
    assert cleaned.startswith("CT 5 mm")
    assert cleaned.endswith("T1")


@given(_NAME_PARTS, _CASES, st.sampled_from([" ", ". ", ", ", "^", "."]), st.booleans())
def test_planted_initials_never_survive(parts: list[str], case: Callable[[str], str], gap: str, after: bool) -> None:
    """Beside a name, on either side."""
    initial, surname = case(parts[1][0]), case(parts[0])
    written = f"{surname}{gap}{initial}" if after else f"{initial}{gap}{surname}"
    cleaned = words_of(("^".join(parts), "PN")).remove_from(f"5 {written} 7")

    assert not [character for character in cleaned if character.isalpha()]


def test_a_name_with_two_endings() -> None:
    """A name that stands twice, each time with another ending, is removed twice."""
    words = words_of(("Lukaszewicz^Jan", "PN"))

    cleaned = words.remove_from("lukaszewiczowi knee Lukaszewicza")

    assert cleaned == "knee"


@pytest.mark.parametrize("written", ["O'Doell", "Odoell", "O\u2019DOELL"])
@pytest.mark.parametrize("name", ["Odoell^Jane", "O'Doell^Jane"])
def test_apostrophes(name: str, written: str) -> None:
    """A name is found with its apostrophe and without, however it stands in the header."""
    assert words_of((name, "PN")).remove_from(f"T1 ax {written} 3 mm") == "T1 ax 3 mm"


def test_values_that_are_not_all_known() -> None:
    """Any text may hold an unknown name: it is emptied, also in a document with a header of its own."""
    unknown = IdentifyingWords(is_complete=False)

    assert unknown.remove_from("lead in state") == ""
    assert unknown.beside([("Doe^Jane", "PN")]).remove_from("lead in state") == ""
