"""Text and its bytes, by Specific Character Set."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.attributes.characters import DEFAULT, can_decode, codecs_of, decode, encode, is_whole, readings
from dicomveil_engine.errors import DeidentificationError


@pytest.mark.parametrize(
    ("term", "codecs"),
    [
        ("", ("iso8859",)),
        ("ISO_IR 6", ("iso8859",)),
        ("ISO_IR 100 ", ("latin_1",)),
        ("ISO_IR 192", ("UTF8",)),
        ("ISO_IR 203", ("iso8859_15",)),
        ("GB18030", ("GB18030",)),
        ("\\ISO 2022 IR 87", ("iso8859", "iso2022_jp")),
        ("ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159", ("shift_jis", "iso2022_jp", "iso2022_jp_2")),
        ("ISO_IR 192\\ISO 2022 IR 87", ("UTF8",)),
        ("ISO 2022 IR 6\\ISO_IR 192", ("iso8859",)),
        ("ISO-IR 100", ("latin_1",)),
        ("ISO_IR_100", ("latin_1",)),
        ("ISO IR 192", ("UTF8",)),
        ("ISO-2022-IR-87", ("iso2022_jp",)),
        ("UTF-8", ("UTF8",)),
        ("unheard of", ("iso8859",)),
        ("unicode_escape", ("iso8859",)),
    ],
)
def test_terms(term: str, codecs: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> None:
    """Defined terms (PS3.3 C.12.1.1.2) and their common misspellings; the rest is Latin-1, and nothing is logged."""
    logging.getLogger("pydicom").setLevel(logging.DEBUG)

    assert codecs_of(term.encode()) == codecs
    assert caplog.records == []


@pytest.mark.parametrize(
    ("term", "value", "text"),
    [
        # PS3.5 Annexes H, I, J and K.
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
        ),
        (
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            "Hong^Gildong=洪^吉洞=홍^길동",
        ),
        ("ISO_IR 192", "Wang^XiaoDong=王^小东=".encode(), "Wang^XiaoDong=王^小东="),
        ("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东="),
        ("\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东="),
    ],
)
def test_standards_examples(term: str, value: bytes, text: str) -> None:
    """The names of PS3.5's annexes."""
    assert decode(value, codecs_of(term.encode())) == text
    assert decode(encode(text, codecs_of(term.encode())), codecs_of(term.encode())) == text


@pytest.mark.parametrize("codecs", [("UTF8",), ("GB18030",), ("iso8859", "iso2022_jp"), ("iso8859", "euc_kr")])
@given(st.text(st.sampled_from("abc ^=\\éł山田やま홍길小东"), max_size=12))
def test_what_can_be_written_can_be_read(codecs: tuple[str, ...], text: str) -> None:
    """Writing refuses, or what it writes is the text."""
    try:
        written = encode(text, codecs)
    except DeidentificationError:
        assert not text.isascii()
        return
    assert decode(written, codecs) == text


@given(st.binary(max_size=20))
@pytest.mark.parametrize("codecs", [DEFAULT, ("UTF8",), ("iso8859", "iso2022_jp"), ("shift_jis", "iso2022_jp_2")])
def test_any_bytes_can_be_read(codecs: tuple[str, ...], value: bytes) -> None:
    """Reading never fails."""
    assert isinstance(decode(value, codecs), str)


@pytest.mark.parametrize(
    ("codecs", "value", "text"),
    [
        (("UTF8",), b"M\xfcller", "Müller"),
        (("UTF8",), b"\x93M\xfcller\x94", "\u201cMüller\u201d"),
        (("euc_kr",), "M\u0142ler".encode(), "M\u0142ler"),
        (("UTF8",), b"\x1b$B;3ED\x1b(B", "\x1b$B;3ED\x1b(B"),
        (("iso8859", "euc_kr"), b"\x1b-Bx\xa3", "xŁ"),
    ],
)
def test_what_is_in_another_character_set(codecs: tuple[str, ...], value: bytes, text: str) -> None:
    """It is read as its bytes allow, all of it."""
    assert decode(value, codecs) == text
    assert is_whole(value, codecs)


@pytest.mark.parametrize(
    ("codecs", "value", "text"),
    [
        (("UTF8",), "Jane Müller \u0141".encode()[:-1], "Jane Müller "),
        (("GB18030",), "王小东".encode("gb18030")[:-1], "王小"),
        (("iso8859", "iso2022_jp"), b"left \x1b$B\xff", "left "),
        (("iso8859", "iso2022_jp"), b"\x1b%Gx\xe9", ""),
        (("UTF8",), "Ł".encode() + b"\xfc right", "Ł"),
        (("UTF8",), b"a" * 9999 + "Ł".encode() + b"\xfc right", "a" * 9999),
    ],
)
def test_what_no_way_of_reading_reads_whole(codecs: tuple[str, ...], value: bytes, text: str) -> None:
    """What is before the first such character is read, and the rest is left out: it may hide a name."""
    assert decode(value, codecs) == text
    assert not is_whole(value, codecs)


@pytest.mark.parametrize(
    ("term", "value", "text"),
    [
        ("ISO_IR 100", "Müller links".encode(), "Müller links"),
        ("", "Müller links".encode(), "Müller links"),
        ("", "Łukasz".encode("iso8859-2"), "Łukasz"),
        ("ISO_IR 100", "Łukasz".encode("cp1250"), "Łukasz"),
        ("ISO_IR 192", "Иванов".encode("iso8859-5"), "Иванов"),
        ("ISO_IR 144", "Иванов".encode(), "Иванов"),
        ("ISO_IR 13", "Müller".encode(), "Müller"),
        ("ISO_IR 100", b"\x1b$B;3ED\x1b(B left", "山田 left"),
        ("", b"\x1b$)C\xfb\xf3 left", "洪 left"),
        ("", "王".encode("gb18030"), "王"),
    ],
)
def test_other_ways_of_reading_a_text(term: str, value: bytes, text: str) -> None:
    """One of them is what was meant; what is left of it is written as the data set's readers read it."""
    codecs = codecs_of(term.encode())
    decoded = decode(value, codecs)
    found = {reading.text: reading for reading in readings(decoded, codecs)}

    assert next(iter(found)) == decoded
    assert text in found
    written = found[text].written(text)
    assert encode(written, codecs)
    assert text in {reading.text for reading in readings(written, codecs)}


def test_a_plain_text_is_read_in_one_way() -> None:
    """Most texts are ASCII, which is the same everywhere."""
    assert [reading.text for reading in readings("T1 ax", ("UTF8",))] == ["T1 ax"]
    assert readings("Größe", ("UTF8",))[0].written("Größe") == "Größe"


@given(st.text(max_size=12), st.sampled_from([DEFAULT, ("UTF8",), ("iso8859", "iso2022_jp"), ("iso_ir_144",)]))
def test_every_text_can_be_read_and_written_in_every_way(text: str, codecs: tuple[str, ...]) -> None:
    """Neither fails, whatever the text."""
    for reading in readings(text, codecs):
        assert isinstance(reading.written(reading.text), str)


@pytest.mark.parametrize("codecs", [DEFAULT, ("shift_jis",), ("iso8859", "iso2022_jp")])
def test_no_room(codecs: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> None:
    """A text that the character set cannot hold is refused, without being repeated; nothing is logged."""
    logging.getLogger("pydicom").setLevel(logging.DEBUG)
    with pytest.raises(DeidentificationError) as caught:
        encode("Łódź", codecs)

    assert "Ł" not in str(caught.value)
    assert caplog.records == []


def test_extensions_end() -> None:
    """Behind a delimiter the first character set holds again (PS3.5 Section 6.1.2.5.3)."""
    assert decode(b"\x1b-Fabc^\xe9", ("latin_1", "iso_ir_126")) == "abc^é"


def test_names_in_gb2312_text() -> None:
    """The escape sequence that designates GB 2312 is not part of the text behind it (PS3.5 Annex K)."""
    codecs = codecs_of(b"\\ISO 2022 IR 58")

    assert decode(b"1. \x1b$)A\xb5\xda\xd2\xbb\xd0\xd0 a\r\n2. \x1b$)A\xb5\xda", codecs) == "1. 第一行 a\r\n2. 第"


@pytest.mark.parametrize(
    ("value", "codecs", "can"),
    [
        (b"Doe", DEFAULT, True),
        (b"\xe9", DEFAULT, False),
        (b"\xe9", ("latin_1",), True),
        (b"\xe9", ("utf8",), False),
        (b"\x1b-Fabc", ("latin_1", "iso_ir_126"), True),
        (b"\x1b!abc", ("latin_1", "iso_ir_126"), False),
    ],
)
def test_what_a_character_set_has(value: bytes, codecs: tuple[str, ...], can: bool) -> None:
    """The default repertoire is ASCII, although its eighth bit is read; an unknown escape sequence is in none."""
    assert can_decode(value, codecs) is can
