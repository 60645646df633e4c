"""What is read without Typer is what Typer would have read."""

from __future__ import annotations

import gc
import inspect
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st

from dicomveil_proxy import logs
from dicomveil_proxy.command import anonymize, commands, declarations, main, plain, start

_TYPER: Any = typer.main.get_command(commands)
WORDS = {
    name: [
        *command.options,
        *(
            "--help",
            "--version",
            "--job",
            "--key-file=k",
            "--names=keep",
            "--dry-run=1",
            "-ione",
            "--profile=",
            "=",
            "--",
        ),
        *(
            "a",
            "a/../b",
            "-",
            "",
            "0",
            "1",
            "007",
            "256",
            "257",
            "70000",
            "²",
            "keep",
            "Keep",
            "refuse",
            "abort",
            "json",
        ),
        *("a b", "a\nb", "*.dcm", "~", "-x"),
    ]
    for name, command in plain.COMMANDS.items()
}


@pytest.fixture(autouse=True)
def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file that somebody's shell names is none of ours."""
    monkeypatch.delenv("DICOMVEIL_KEY_FILE", raising=False)


def by_typer(name: str, words: list[str]) -> dict[str, Any]:
    """The function's arguments as Typer reads them. Raises what Typer raises."""
    with _TYPER.commands[name].make_context(name, list(words)) as context:
        given: dict[str, Any] = dict(context.params)
    if "encrypt_originals" in given:
        given["encrypt_originals"] = list(given["encrypt_originals"] or [])
    return given


def by_plain(name: str, words: list[str]) -> dict[str, Any] | None:
    """The arguments that `plain` gives; None where it leaves the line to Typer."""
    begin = plain.read([name, *words])
    return None if begin is None else begin.keywords  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", plain.COMMANDS)
def test_options_are_those_that_typer_knows(name: str) -> None:
    """Each spelling, for the same parameter, with the same kind of value."""
    declared = {
        spelling: (option.name, option.is_flag, option.multiple)
        for option in _TYPER.commands[name].params
        for spelling in option.opts
    }
    ours = {
        spelling: (option.parameter, option.read is None, option.is_repeated)
        for spelling, option in plain.COMMANDS[name].options.items()
    }

    assert ours == declared
    assert not [option for option in _TYPER.commands[name].params if option.secondary_opts or option.nargs != 1]


@pytest.mark.parametrize("name", plain.COMMANDS)
def test_every_choice_is_read_here(name: str) -> None:
    """Those that the declaration has."""
    hints = inspect.get_annotations(getattr(declarations, f"_{name}"), eval_str=True)
    for option in plain.COMMANDS[name].options.values():
        kind = get_args(hints[option.parameter])[0]
        for literal in [each for each in (kind, *get_args(kind)) if get_origin(each) is Literal]:
            assert option.read is not None
            assert [option.read(choice) for choice in get_args(literal)] == list(get_args(literal))


@pytest.mark.parametrize("name", plain.COMMANDS)
def test_environment_variables_are_those_of_the_declaration(name: str) -> None:
    """With their parameters; `serve` reads its own with the settings."""
    declared = {option.name: option.envvar for option in _TYPER.commands[name].params if option.envvar}

    assert plain.COMMANDS[name].variables == declared


@given(st.lists(st.sampled_from(WORDS["anonymize"]), max_size=7))
@example(["-i", "a", "-o", "b", "--key-file", "k", "--validateInput", "--jobs", "2"])
@example(["--encrypt-originals", "a", "--encrypt-originals", "b", "--guard=report"])
def test_anonymize_is_read_as_typer_reads_it(words: list[str]) -> None:
    """Where it is read here at all."""
    is_as_typer_reads_it("anonymize", words)


@given(st.lists(st.sampled_from(WORDS["serve"]), max_size=7))
@example(["--origin", "a", "--port", "0", "--workers", "2", "--store", "refuse", "--on-error=omit"])
def test_serve_is_read_as_typer_reads_it(words: list[str]) -> None:
    """Where it is read here at all."""
    is_as_typer_reads_it("serve", words)


def is_as_typer_reads_it(name: str, words: list[str]) -> None:
    """Assert it."""
    ours = by_plain(name, words)
    if ours is not None:
        assert by_typer(name, []) | ours == by_typer(name, words)


@pytest.mark.parametrize(
    "line",
    [
        "anonymize -i one.dcm -o out.dcm --key-file key",
        "anonymize -I in -O out --key-file=key --jobs 4 --names keep --report r.csv --show-paths --progress none",
        "anonymize --inputFile a --outputFile b --configFile c --validateInput --validateOutput",
        "anonymize -I in -O out --encrypt-originals a.pem --encrypt-originals b.pem --guard off --quarantine q",
        "serve --origin http://orthanc:8042/dicom-web --key-file key --port 0 --state state --workers 2",
        "serve --config dicomveil.toml",
        "serve",
    ],
)
def test_usual_lines_are_read_here(line: str) -> None:
    """Otherwise the property above would hold for a reader that reads nothing."""
    name, *words = line.split()
    assert by_plain(name, words) is not None


def test_the_variable_of_the_key_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Typer reads it: an empty one is not there, and an option comes first."""
    monkeypatch.setenv("DICOMVEIL_KEY_FILE", "from-environment")
    assert by_plain("anonymize", []) == {"key_file": Path("from-environment")}
    assert by_plain("anonymize", ["--key-file", "given"]) == {"key_file": Path("given")}
    is_as_typer_reads_it("anonymize", ["-i", "a"])

    monkeypatch.setenv("DICOMVEIL_KEY_FILE", "")
    assert by_plain("anonymize", []) == {}


def test_a_shell_that_asks_for_completion_is_not_served_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """It wants words, not a run."""
    monkeypatch.setenv("_DICOMVEIL_COMPLETE", "complete_bash")

    assert plain.read(["anonymize", "-i", "a", "-o", "b"]) is None


@pytest.mark.parametrize(("command", "run"), [("anonymize", anonymize.run), ("serve", start.serve)])
def test_defaults_are_those_of_the_declaration(command: str, run: Any) -> None:
    """What is not typed is the same on both ways."""
    defaults = {name: each.default for name, each in inspect.signature(run).parameters.items()}
    for name, default in by_typer(command, []).items():
        if default not in (None, []):
            assert defaults[name] == default


@pytest.mark.parametrize(
    "words", [["--jobs", "0"], ["--names", "other"], ["--unknown"], ["-i"], ["--help"], ["-i", "a", "-i", "b"], ["a"]]
)
def test_mistakes_and_questions_are_for_typer(words: list[str]) -> None:
    """Every message comes from one place."""
    assert plain.read(["anonymize", *words]) is None


def test_mistakes_are_answered_by_typer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With its usage line, and exit status 2."""
    monkeypatch.setattr(logs, "configure", lambda: None)
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["dicomveil", "anonymize", "--jobs", "0"])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert "Usage: dicomveil anonymize" in capsys.readouterr().err
