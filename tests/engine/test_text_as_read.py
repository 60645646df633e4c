# ruff: noqa: RUF001 - letters that look alike are what is tested
"""Texts in which the header's values are disguised, by accident or on purpose."""

from __future__ import annotations

import unicodedata

import pytest

from dicomveil_engine.text.as_read import as_read
from dicomveil_engine.text.spelling import fold
from dicomveil_engine.text.words import IdentifyingWords

HEADER = (
    *(("Featherstone^Araminta Louise^^Dr", "PN"), ("Müller-Lüdenscheidt^Jörg", "PN")),
    *(("O'Connell^Siobhán", "PN"), ("Łukaszewicz^Żaneta", "PN")),
    *(
        (
            "Иванченко^Светлана",
            "PN",
        ),
    ),
    *(
        (
            "Παπαδόπουλος^Γιώργος",
            "PN",
        ),
    ),
    *(
        ("محمود^فاطمة", "PN"),
        ("כהן^שרה", "PN"),
    ),
    *(
        ("田中^花子=タナカ^ハナコ", "PN"),
        ("김^민준", "PN"),
        ("王^小明", "PN"),
    ),
    *(
        ("शर\u094dम\u093e^अ\u0902जल\u093f", "PN"),
        ("KX-4471902", "LO"),
        ("00835521", "LO"),
        ("19610417", "DA"),
    ),
    *(("Brackenridge Infirmary", "LO"), ("1.2.826.0.1.3680043.2.77.4", "UI")),
)
TEXTS = ("CT thorax {} supine", "{}: T2 ax 3mm", "knee MRI of {}, left")
UNSEEN = "\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u202e\u2060\u2061\u2066\ufe0f\ufeff"


@pytest.fixture(scope="module")
def words() -> IdentifyingWords:
    words = IdentifyingWords()
    for value, vr in HEADER:
        words.add(value, vr)
    return words


def is_left(words: IdentifyingWords, written: str) -> list[str]:
    """The texts in which something of what is written is left."""
    return [
        text
        for text in TEXTS
        if any(character.isalnum() for character in words.remove_from(text.format(written)) if character not in text)
        or len(words.remove_from(text.format(written))) > len(text)
    ]


@pytest.mark.parametrize("character", UNSEEN)
@pytest.mark.parametrize("value", ["Featherstone", "00835521", "KX-4471902", "1.2.826.0.1.3680043.2.77.4"])
def test_unseen_characters(words: IdentifyingWords, value: str, character: str) -> None:
    """A mark that nobody sees hides nothing, in the middle or everywhere."""
    middle = len(value) // 2

    assert is_left(words, value[:middle] + character + value[middle:]) == []
    assert is_left(words, character.join(value)) == []


@pytest.mark.parametrize(
    "written",
    [
        *("Feather-stone", "Feather-\nstone", "Feather\nstone", "Feather\u00b7stone", "F E A T H E R S T O N E"),
        *("F.E.A.T.H.E.R.S.T.O.N.E", "F e a t h e r s t o n e", "F3ath3rst0n3", "FEATHERST0NE", "Feather5tone"),
        *(
            "Fеаthеrstоnе",
            "FΕΑTΗERSTONE",
            "ꜰᴇᴀᴛʜᴇʀsᴛᴏɴᴇ",
        ),
        *("Feather&shy;stone", "M&uuml;ller", "M&#252;ller", "MUELLERLUEDENSCHEIDT", "Araminta\u00a0Featherstone"),
        *("0083 5521", "008-355-21", "OO83552l", "KX 4471902", "KX\u20114471902", "APR1761", "17APR1961", "dob 170461"),
        *("17.\u200b04.\u200b1961", "BRACKENRIDGE", "O\u2019Connell", "OCONNELL", "lukaszewiczowi"),
    ],
)
def test_written_apart_or_alike(words: IdentifyingWords, written: str) -> None:
    """Broken, spaced, with letters that look alike, as entities, with digits for letters and letters for digits."""
    left = [words.remove_from(text.format(written)) for text in TEXTS]

    parts = [part for part in (written, written[-6:], written[:5], written[2:7]) if len(part) > 4]
    assert [text for text in left for part in parts if part in text] == []


@pytest.mark.parametrize(
    "written",
    [
        *(
            "م\u064eح\u0652م\u064fود",
            "محـمـود",
            "ومحمود",
        ),
        *(
            "כ\u05bc\u05b9ה\u05b5ן",
            "לכהן",
            "田中花子様",
            "たなか はなこ",
        ),
        *(
            "ﾀﾅｶ ﾊﾅｺ",
            "Ivanchenko",
            "Papadopoulos",
            "ИВАНЧЕНКО",
        ),
        *(
            "शर\u200d\u094dम\u093e",
            unicodedata.normalize("NFD", "김민준"),
            "王小明",
        ),
    ],
)
def test_other_scripts(words: IdentifyingWords, written: str) -> None:
    """With vowels and without, behind a preposition in one word, in the other syllabary, in Latin letters."""
    assert [text for text in TEXTS if fold(written) in fold(words.remove_from(text.format(written)))] == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "T2-weighted",
            "p-values 0.5",
            "A B C D",
            "TGFβ 1",
            "R&D; Q&A",
            "&nosuch; x",
            "тимурs",
            "250 500",
        ),
        *("fat-sat T1", "pre-\npost", "V R T", "1 2 3 4 5 6", "OO1", "&lt;5mm"),
    ],
)
def test_what_is_no_disguise_stays(words: IdentifyingWords, text: str) -> None:
    """Hyphens, single letters, groups of digits and signs of other things."""
    assert words.remove_from(text) == text


def test_positions() -> None:
    """What is found is removed with the marks within it, and what stands beside keeps its own."""
    words = IdentifyingWords()
    words.add("Featherstone^Jane", "PN")

    assert words.remove_from("a\u200bb Fea\u00adther\u00adstone c\u200bd") == "a\u200bb c\u200bd"
    assert as_read("plain").origin is None
    assert as_read("a&amp;b\u200bc").text == "a&bc"
