"""One word, spelled in different ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.text.spelling import fold, folded, spellings, with_joined_particles
from dicomveil_engine.text.words import IdentifyingWords


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ŁUKASZ", "lukasz"),
        ("Sørensen", "sorensen"),
        ("Đorđe", "dorde"),
        ("\u0131ŞIK", "isik"),
        ("Kjær", "kjaer"),
        ("Œuvre", "oeuvre"),
        ("Þór", "thor"),
        ("Weiß", "weiss"),
        ("Müller", "muller"),
        ("O\u2019Brien", "o'brien"),
        ("do\u00ade", "doe"),
        ("\uff24\uff4f\uff45", "doe"),
        ("İ", "i"),
    ],
)
def test_a_text_is_folded_to_the_letters_that_people_type(text: str, plain: str) -> None:
    """Case, accents, strokes, ligatures, width and the form of apostrophes do not count."""
    assert fold(text) == plain
    assert folded(text).text == plain


@given(st.text(max_size=40))
def test_every_folded_character_has_a_way_back(text: str) -> None:
    """Positions rise, are within the text, and each folded character is that of its origin."""
    result = folded(text)
    spans = [result.span(index, index + 1) for index in range(len(result.text))]

    assert result.text == fold(text)
    assert spans == sorted(spans)
    assert all(result.text[index] in fold(text[slice(*span)]) for index, span in enumerate(spans))


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    """What is folded is a fixed point."""
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Müller", "MUELLER"),
        ("Mueller", "Müller"),
        ("Muller", "Müller"),
        ("Müller", "Muller"),
        ("Mueller", "Muller"),
        ("Sørensen", "Soerensen"),
        ("Soerensen", "Sørensen"),
        ("Sörensen", "SØRENSEN"),
        ("Gärtner", "Gaertner"),
        ("Gaertner", "Gärtner"),
        ("Åberg", "AABERG"),
        ("Aaberg", "Åberg"),
        ("Kjær", "Kjaer"),
        ("Kjaer", "Kjær"),
        ("Wałęsa", "Walesa"),
        ("Walesa", "Wałęsa"),
        ("O'Brien", "OBRIEN"),
        ("OBRIEN", "O\u2019Brien"),
        ("D'Angelo", "dangelo"),
        ("Strauß", "Strauss"),
        ("Strauss", "STRAUẞ"),
        ("Müller-Özgür", "Mueller-Oezgür"),
    ],
)
def test_a_name_is_found_in_each_of_its_spellings(name: str, written: str) -> None:
    """Whichever of the two is the name, and whichever stands in the text."""
    words = IdentifyingWords()
    words.add(f"{name}^Jane", "PN")

    assert words.remove_from(f"knee {written} left") == "knee left"


@pytest.mark.parametrize(("name", "word"), [("Doe", "do"), ("Rae", "ra"), ("Bauer", "baur"), ("Quentin", "quntin")])
def test_short_words_and_other_vowels_are_no_spellings(name: str, word: str) -> None:
    """Nothing is lost of a text for a spelling that nobody uses."""
    assert word not in spellings(name)


def test_a_word_of_many_umlauts_has_few_spellings() -> None:
    """Their number is bounded, whatever a header holds."""
    assert len(spellings("ü" * 60)) <= 4
    assert len(spellings("äöüaeoeue" * 4)) <= 130


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("de la Cruz", "DELACRUZ"),
        ("DELACRUZ", "de la Cruz"),
        ("van der Berg", "vanderberg"),
        ("Vanderberg", "van der Berg"),
        ("De Luca", "DeLuca"),
        ("McDoe", "Mc Doe"),
    ],
)
def test_particles_are_joined_or_stand_apart(name: str, written: str) -> None:
    """A family name with its particles is one name, with blanks or without."""
    words = IdentifyingWords()
    words.add(f"{name}^Jane", "PN")

    assert words.remove_from(f"knee {written} left") == "knee left"
    assert fold(written) in with_joined_particles(fold(name).split())
