"""`dicomveil audit`: what it finds, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dicomveil_proxy.command import commands
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.trust.audit import Action, AuditEvent, open_audit

FILE = Path("audit.jsonl")


@pytest.fixture(autouse=True)
def with_an_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a few accesses."""
    monkeypatch.chdir(tmp_path)
    write(1, 6)


def write(first: int, end: int, rotate_bytes: int = 1 << 20) -> None:
    audit = open_audit(AuditSettings(file=FILE, rotate_bytes=rotate_bytes))
    for number in range(first, end):
        audit.record(
            AuditEvent(
                Action.ACCESS, 200, subject=f"token:{number % 2}", project="lung", query=("PatientName", "limit")
            )
        )
    audit.close()


def audit(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["audit", *arguments])


def test_verify() -> None:
    """All is as it was; the key lies beside."""
    done = audit("verify", "audit.jsonl")

    assert done.exit_code == 0
    assert done.stdout.startswith("6 lines, 0 to 5, are as they were written\n")


def test_verify_finds_a_change() -> None:
    """By the line's number, with status 1."""
    FILE.write_text(FILE.read_text().replace("token:0", "token:9", 1))
    done = audit("verify", "audit.jsonl")

    assert (done.exit_code, done.stdout) == (
        1,
        "audit.jsonl: line 3 is not as it was written, or not what followed the line before it\n",
    )


def test_a_head_shows_that_lines_are_missing() -> None:
    """Without it nobody can see that."""
    head = audit("head", "audit.jsonl").stdout.strip()
    whole = FILE.read_bytes()
    FILE.write_bytes(b"".join(whole.splitlines(keepends=True)[:4]))

    assert audit("verify", "audit.jsonl").exit_code == 0
    missing = audit("verify", "audit.jsonl", "--head", head)
    assert (missing.exit_code, "lines are missing at the end" in missing.stdout) == (1, True)
    FILE.write_bytes(whole)
    assert audit("verify", "audit.jsonl", "--head", head).exit_code == 0


def test_rotated_files_follow_one_another() -> None:
    """In their order; the key is that of the file that they were. A head may be in any of them."""
    write(6, 30, rotate_bytes=900)
    rotated = sorted(Path().glob("audit.jsonl.2*"), key=lambda each: int(each.name.rpartition("-")[2]))
    files = [*map(str, rotated), "audit.jsonl"]
    heads = [audit("head", file).stdout.strip() for file in files]

    assert len(files) > 2
    assert audit("verify", *files).exit_code == 0
    assert all(audit("verify", *files, "--head", head).exit_code == 0 for head in heads)
    assert "the file before it ends with number" in audit("verify", files[1]).stdout
    assert "line 1 does not continue the file before it" in audit("verify", files[0], *files[2:]).stdout
    gone = audit("verify", files[-1], "--head", heads[0])
    assert (gone.exit_code, "is before the first of these files" in gone.stdout) == (1, True)
    cut = audit("verify", *files[:-1], "--head", heads[-1])
    assert (cut.exit_code, "lines are missing at the end" in cut.stdout) == (1, True)


def test_a_key_from_the_settings() -> None:
    """Where they name one, that is taken; a wrong one breaks everything."""
    Path("audit.jsonl.key").rename("elsewhere.key")
    Path("other.toml").write_text('origin = "x"\nkey_file = "k"\n[audit]\nkey_file = "elsewhere.key"\n')
    none = audit("verify", "audit.jsonl")
    Path("wrong.key").write_text(bytes(range(32)).hex())
    Path("wrong.key").chmod(0o600)

    assert (none.exit_code, "there is no key beside the file" in none.stderr) == (2, True)
    Path("dicomveil.toml").write_text("origin = 1 2")
    assert "there is no key beside the file" in audit("verify", "audit.jsonl").stderr
    assert audit("verify", "audit.jsonl", "--config", "other.toml").exit_code == 0
    assert audit("verify", "audit.jsonl", "--key-file", "elsewhere.key").exit_code == 0
    assert audit("verify", "audit.jsonl", "--key-file", "wrong.key").exit_code == 1


def test_show() -> None:
    """Those events that have all that is asked for."""
    shown = json.loads(audit("show", "audit.jsonl", "--subject", "token:1", "--format", "json").stdout)

    assert [each["seq"] for each in shown] == [1, 3, 5]
    assert shown[0]["query"] == "PatientName,limit"
    assert json.loads(audit("show", "audit.jsonl", "--project", "stroke", "--format", "json").stdout) == []
    assert len(json.loads(audit("show", "audit.jsonl", "--since", "2020", "--format", "json").stdout)) == 5
    assert len(json.loads(audit("show", "audit.jsonl", "--until", "2020", "--format", "json").stdout)) == 1
    assert "token:0" in audit("show", "audit.jsonl", "--event", "access").stdout


@pytest.mark.parametrize("length", [4, 7, 10, 16])
def test_a_part_of_a_time_means_all_of_it(length: int) -> None:
    """Until a year, month, day or minute: what is in it, too."""
    last = json.loads(audit("show", "audit.jsonl", "--format", "json").stdout)[-1]["time"][:length]

    assert len(json.loads(audit("show", "audit.jsonl", "--until", last, "--format", "json").stdout)) == 6


@pytest.mark.parametrize("command", ["verify", "head", "show"])
def test_what_is_not_an_audit(command: str) -> None:
    """Is said in a sentence."""
    Path("audit.jsonl.txt").write_text("something else\n")

    assert audit(command, "nothing.jsonl").exit_code == 2
    assert audit(command, "audit.jsonl.txt").exit_code in {1, 2}
    assert audit("verify", "audit.jsonl", "--head", "x").exit_code == 2
