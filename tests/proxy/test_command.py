"""The command line: what it refuses, in which words, and that its help tells the truth."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.testing import CliRunner

from dicomveil_proxy import command
from dicomveil_proxy.settings.server import Settings

_COMMAND_ONLY = {"config"}


def run(*arguments: str) -> tuple[int, str]:
    """The exit status of a command, and all that it writes."""
    result = CliRunner().invoke(command.commands, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_help_names_the_commands() -> None:
    """All that there are, each with a line of its own."""
    status, text = run("--help")

    names = ("serve", "demo", "keygen", "anonymize", "explain", "review", "decrypt", "conformance", "config")
    assert status == 0
    assert [name for name in names if f"  {name} " not in text] == []


def test_version() -> None:
    """Of the distribution."""
    status, text = run("--version")

    assert (status, text.split()[0]) == (0, "dicomveil")


def test_options_of_serve_are_settings_with_their_defaults() -> None:
    """The help says what holds where nothing is given."""
    parameters = {each.name: each for each in typer.main.get_command(command.commands).commands["serve"].params}  # type: ignore[attr-defined]

    assert set(parameters) - _COMMAND_ONLY <= set(Settings.model_fields)
    for name in set(parameters) - _COMMAND_ONLY:
        shown, default = parameters[name].show_default, Settings.model_fields[name].get_default()
        assert not isinstance(shown, str) or shown == str(default), name


def test_keygen_writes_a_key_that_only_the_owner_reads(tmp_path: Path) -> None:
    """64 hexadecimal digits and a line break, of which nothing is printed."""
    file = tmp_path / "key"

    status, text = run("keygen", str(file))

    key = file.read_text()
    assert (status, len(bytes.fromhex(key)), key[-1]) == (0, 32, "\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert key.strip() not in text


def test_keygen_never_overwrites(tmp_path: Path) -> None:
    """A key that is gone takes all pseudonyms with it."""
    file = tmp_path / "key"
    file.write_text("old")

    status, text = run("keygen", str(file))

    assert (status, file.read_text()) == (2, "old")
    assert "never overwritten" in text


def test_keygen_makes_no_folder(tmp_path: Path) -> None:
    """Whoever makes it decides who may read it."""
    status, text = run("keygen", str(tmp_path / "no" / "key"))

    assert (status, list(tmp_path.iterdir())) == (2, [])
    assert "does not exist" in text
