"""`dicomveil token`: what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dicomveil_proxy.command import commands
from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.trust.tokens import TokenFile

SETTINGS = 'origin = "x"\nkey_file = "k"\n[access]\n[projects.lung]\nkey_file = "l"\n'
FILE = Path("settings") / "dicomveil.toml"
TOKENS = FILE.parent / "dicomveil-tokens.json"


@pytest.fixture(autouse=True)
def in_a_folder_with_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another than that of the settings file."""
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir()
    FILE.write_text(SETTINGS)


def token(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["token", *arguments, "--config", str(FILE)])


def test_new_prints_the_token_alone() -> None:
    """On one line of standard output, so that a script can take it; the file is beside the settings."""
    made = token("new", "--project", "lung", "--can", "search,retrieve", "--expires", "30d", "--name", "viewer")

    assert made.exit_code == 0
    subject = TokenFile(TOKENS).find(made.stdout.removesuffix("\n"), 0)
    assert subject is not None
    assert (subject.name, subject.rights("lung")) == ("viewer", frozenset((Right.SEARCH, Right.RETRIEVE)))
    assert made.stdout.strip() not in made.stderr + TOKENS.read_text()


def test_list_and_revoke() -> None:
    """Who has what until when, and not the token itself."""
    secret = token("new", "--can", "search", "--name", "viewer").stdout.strip()
    token("new", "--project", "*", "--can", "metrics", "--expires", "2099-12-31")
    revoked = token("revoke", "viewer")
    listed = token("list", "--format", "json")

    assert (revoked.exit_code, secret in listed.stdout) == (0, False)
    first, second = json.loads(listed.stdout)
    assert (first["name"], first["projects"], first["can"], first["state"]) == (
        "viewer",
        "default",
        "search",
        "revoked",
    )
    assert (second["projects"], second["expires"], second["state"]) == ("*", "2099-12-31T00:00:00Z", "valid")
    assert "viewer" in token("list").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new", "--can", "read"], "'read' is not a right; there are search, retrieve"),
        (["new", "--can", ""], "at least one project and one right"),
        (["new", "--can", "search", "--project", "heart"], "there is no project heart; there are default, lung"),
        (["new", "--can", "search", "--expires", "soon"], "--expires: write a span such as 30d"),
        (["new", "--can", "search", "--expires", "2001-01-01"], "the date is over already"),
        (["new", "--can", "search", "--name", "a\nb"], "--name: letters, digits"),
        (["revoke", "viewer"], "there is no such token"),
    ],
)
def test_what_is_refused(arguments: list[str], message: str) -> None:
    """In one sentence, and nothing is written."""
    refused = token(*arguments)

    assert (refused.exit_code, refused.stdout, TOKENS.exists()) == (2, "", False)
    assert message in refused.stderr


def test_without_a_section_access() -> None:
    """A token would be of no use, and nobody would notice that everybody comes in."""
    FILE.write_text(SETTINGS.replace("[access]\n", ""))

    assert "the settings have no section [access]" in token("new", "--can", "search").stderr


def test_a_server_without_a_default_project() -> None:
    """The project must be named."""
    FILE.write_text(SETTINGS.replace('key_file = "k"\n', ""))

    assert "--project: it is not given; there are lung, or * for all" in token("new", "--can", "search").stderr
