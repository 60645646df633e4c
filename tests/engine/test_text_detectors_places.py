"""STREET_ADDRESS and LOCATION."""

from __future__ import annotations

import pytest

from engine.text_detection import found, infotypes, left


@pytest.mark.parametrize(
    "text",
    [
        *(
            "12 Main Street",
            "7 Old Mill Court, Unit 9",
            "1507 Pemberton Road",
            "PO Box 4471",
            "418 North Oak Avenue, Apt 4",
        ),
        *(
            "Musterstraße 14",
            "Lindenweg 3",
            "12 rue du Puits",
            "8 bis avenue Garnier",
            "Calle Zamorano 41",
            "via Marchetti 12",
        ),
        *("Calle Belmonte 7, 2º B", "ul. Nowa 12/3", "Dijkstralaan 5", "rua Nova 8", "東京都港区芝公園4丁目2番8号"),
    ],
)
def test_streets(text: str) -> None:
    """With their numbers, in each country's order."""
    assert found("places", f"({text})") == [text]
    assert infotypes("places", text) == ["STREET_ADDRESS"]
    left("places", f"({text})")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wohnhaft Am Krautgarten 17", ["Am Krautgarten 17"]),
        ("Adres Timmerweg 230", ["Timmerweg 230"]),
        ("lives in Milwaukee", ["Milwaukee"]),
        ("Born in Reading, well since", ["Reading"]),
        ("Born in Little Rock, well since", ["Little Rock"]),
        ("CD aus Worms, bitte importieren", ["Worms"]),
        ("Habite à Nice avec son fils", ["Nice"]),
        ("Copied from Leeds PACS", ["Leeds"]),
        ("Adresse: Schöner Hof 3, heute", ["Schöner Hof 3"]),
    ],
)
def test_behind_a_cue(text: str, expected: list[str]) -> None:
    """Whatever the street is called; a town by the lists."""
    assert found("places", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "3 mm slices",
            "T2 ax 5 mm",
            "Grade 3",
            "12 week scan",
            "in flexion",
            "Transferred from Theatre to Recovery",
            "Lives at Home",
            "Images in Head First position",
            "Reformatted from Axial to Coronal",
            "Retrieved from Bath",
            "kommt aus Narkose",
            "from above",
            "lives alone",
            "Am Oberarm 17 mm",
        ),
        *("2 views", "street drugs", "via catheter 5", "way 3", "the lane", "residence time 3 min"),
    ],
)
def test_sizes_and_words_stay(text: str) -> None:
    """A number beside a word is no address."""
    assert found("places", text) == []
