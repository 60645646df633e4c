"""What is written like an identifier."""

from __future__ import annotations

import pytest

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.cleaning import resolve
from dicomveil_engine.text.detectors import detect


def found(text: str) -> list[str]:
    return [text[one.start : one.end] for one in resolve(detect(AnalysedText(text)))]


@pytest.mark.parametrize(
    "text",
    [
        "20200312",
        "2020-03-12",
        "2020-03-12t10:15:00.5+01:00",
        "2020/3/2",
        "12.03.2020",
        "12. 3. 2020",
        "3/12/20",
        "12.03.20 10:15",
        "12-3-2020",
        "12 mar 2020",
        "12mar20",
        "12th of march, 2020",
        "12 Mar",
        "mar 12, 2020",
        "march 2020",
        "12. marz 2020",
        "12 de marzo de 2020",
        "fevrier 2020",
        "03/2020",
        "2020-03",
        "2020年3月12日",
        "3月12日",
        "2020_03_12",
    ],
)
def test_dates(text: str) -> None:
    """Dates go whole in the common notations, also from the middle of a text."""
    assert found(text) == [text]
    assert found(f"at {text}, supine") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "+49 (0)30 123-4567",
        "(030) 123 45 67",
        "555-1234",
        "555.123.4567",
        "030/1234567",
        "1234567",
        "ab1234567",
        "1234\u20105678",
    ],
)
def test_telephone_numbers_and_long_identifiers(text: str) -> None:
    """Seven or more digits go with the letters around them, grouped or not."""
    assert found(text) == [text]
    assert found(f"call {text} please") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "jane.doe@example.org",
        "doe@pacs",
        "http://example.org/a?b=c",
        "dicom+x://a.b",
        "www.example.org/x",
        "pacs.example.org/x",
        "1.2.840.113619.2.1",
        "2.25.1234",
        "urn:oid:1.2.3.4.5",
        "192.168.0.1",
    ],
)
def test_addresses_and_uids(text: str) -> None:
    """E-mail and network addresses and UIDs go whole."""
    assert found(text) == [text]
    assert found(f"see {text} there") == [text]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Dr. Roe", "Roe"),
        ("Prof. Dr. Roe", "Roe"),
        ("Mrs. J. Roe-Poe", "J. Roe-Poe"),
        ("Dr.Roe", "Roe"),
        ("Dr. O'Roe", "O'Roe"),
        ("Prof. K. L. Roe", "K. L. Roe"),
        ("Dr Roe", "Roe"),
        ("Frau Prof. Roe", "Roe"),
    ],
)
def test_names_behind_titles(text: str, name: str) -> None:
    """A title's name is found, with its initials, and with a full stop behind the title or without."""
    assert found(text) == [name]
    assert found(f"seen by {text} there") == [name]


@pytest.mark.parametrize(
    "text",
    [
        "t1 ax 3mm contrast",
        "512 x 512",
        "tr 2000 te 30",
        "version 2.1.0",
        "10:34:12",
        "0.488281 mm",
        "1.5/2.0/3.0",
        "0.48828125",
        "12 34 56 7",
        "12 mar",
        "medication 12 mg",
        "b 0, 500, 1000",
        "l4/5",
        "2020",
        "syngo mr b17",
        "1 2 3",
        "3.14",
        "marker 3",
        "fig. 1.2",
    ],
)
def test_the_rest_stays(text: str) -> None:
    """Short numbers, versions, times of day and the words of radiology are not identifiers."""
    assert found(text) == []
