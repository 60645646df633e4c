"""All that is wrong with settings is said at once, with its place and without its value."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.settings.mistakes import Mistake, line_of, lines_of, message_of, named_line
from dicomveil_proxy.settings.server import load_settings

FILE = """\
# The archive
origin = "http://user:Doe-secret@pacs/dicom-web"
key_file = "key"
port = "Doe"
stroe = "refuse"

[limits]
parts = 0
header_byte = 1

[projects.lung]
key_file = "lung.key"
store = "Doe"
"""


def test_every_mistake_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong values and wrong names of every level, in the order of the file."""
    monkeypatch.chdir(tmp_path)
    Path("dicomveil.toml").write_text(FILE)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    first, *rest = str(caught.value).split("\n")
    assert first == "5 settings are wrong:"
    assert [line.partition(": ")[0].strip() for line in rest] == [
        f"dicomveil.toml, line {number}" for number in (4, 5, 8, 9, 13)
    ]
    assert "did you mean store?" in rest[1]
    assert "did you mean header_bytes?" in rest[3]
    assert "Doe" not in str(caught.value)


def test_a_value_from_elsewhere_has_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's line would be misleading where the environment overrides it."""
    monkeypatch.chdir(tmp_path)
    Path("dicomveil.toml").write_text('origin = "x"\nkey_file = "key"\nport = 1\n')
    monkeypatch.setenv("DICOMVEIL_PORT", "Doe")

    with pytest.raises(ConfigurationError, match=r"^port: write a whole number$"):
        load_settings()


def test_one_mistake_is_one_sentence() -> None:
    """With its place behind it."""
    assert message_of([Mistake("port", "write a whole number", 4)], "x.toml") == (
        "port: write a whole number (x.toml, line 4)"
    )


def test_lines() -> None:
    """Dotted, quoted and nested names; a setting that is not there has the line of its table."""
    lines = lines_of('a = 1\n[b]\n"c d" = 2\ne.f = 3 # x\n[[g]]\nh = 4\n')

    assert lines == {"a": 1, "b": 2, "b.c d": 3, "b.e.f": 4, "g": 5, "g.h": 6}
    assert line_of("b.missing.deeper", lines) == 2
    assert line_of("missing", lines) is None


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    """Whatever is in the file, looking for lines does not fail."""
    assert all(1 <= line <= len(text.splitlines()) for line in lines_of(text).values())


@pytest.mark.parametrize(
    ("message", "name", "line"),
    [
        ("origin: there is no such folder", "origin", 1),
        ("limits.parts: it is too small: 0", "limits.parts", 3),
        ("projects.heart: key_file: it cannot be read", "projects.heart.key_file", 5),
        ("projects.heart: origin: there is no such folder", "projects.heart.origin", 1),
        ("projects.heart: profile: there is none", "projects.heart.profile", 4),
        ("profile: there is none", "profile", None),
        ("there is no key", "", None),
    ],
)
def test_the_line_of_a_messages_setting(message: str, name: str, line: int | None) -> None:
    """A setting that a project does not have itself is the one at the top level."""
    lines = lines_of('origin = "x"\n[limits]\nparts = 0\n[projects.heart]\nkey_file = "y"\n')

    assert named_line(message, lines) == (name, line)
