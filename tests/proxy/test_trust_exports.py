"""Exports are written down: that they begin, before anything leaves, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from dicomveil_proxy.command.export import kind_of
from dicomveil_proxy.errors import AuditUnavailable
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.settings.key_files import read_key
from dicomveil_proxy.trust.audit_file import AuditFile
from dicomveil_proxy.trust.chain import verify
from dicomveil_proxy.trust.exports import recorded_export


def events(file: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    return [line for line in lines if line["event"] == "export"]


def test_an_export_has_a_beginning_and_an_end(tmp_path: Path) -> None:
    """Who, which project, where to by its kind, how many; in a chain of its own beside a running server's."""
    file = tmp_path / "audit.jsonl"
    settings = AuditSettings(file=file)
    with recorded_export(settings, "lung", "s3") as server, recorded_export(settings, "", "folder") as record:
        record.ended("done", 12, 1)
        server.ended("paused", 3, 0)
    begun, ended = events(tmp_path / "audit.jsonl.1")

    assert (begun["outcome"], begun["project"], begun["details"]) == ("begun", "default", {"destination": "folder"})
    assert begun["subject"].startswith("operator:")
    assert (ended["outcome"], ended["count"], ended["details"]["refused"]) == ("done", 12, 1)
    assert [event["outcome"] for event in events(file)] == ["begun", "paused"]
    for each in (file, tmp_path / "audit.jsonl.1"):
        verify(each.read_bytes().splitlines(keepends=True), read_key(tmp_path / "audit.jsonl.key"))


def test_an_export_that_is_broken_off(tmp_path: Path) -> None:
    """Has an end, too."""
    file = tmp_path / "audit.jsonl"
    with pytest.raises(KeyboardInterrupt), recorded_export(AuditSettings(file=file), "lung", "s3"):
        raise KeyboardInterrupt

    assert [event["outcome"] for event in events(file)] == ["begun", "broken off"]


def test_what_cannot_be_written_down_does_not_begin(tmp_path: Path) -> None:
    """If the audit is required."""
    begun = False
    with (
        mock.patch.object(AuditFile, "append", side_effect=OSError(28, "full")),
        pytest.raises(AuditUnavailable),
        recorded_export(AuditSettings(file=tmp_path / "audit.jsonl"), "lung", "s3"),
    ):
        begun = True
    assert not begun


@pytest.mark.parametrize(
    ("destination", "kind"), [("s3://key:secret@bucket/x", "s3"), ("/data/out", "folder"), (None, "folder")]
)
def test_the_kind_of_a_place(destination: str | None, kind: str) -> None:
    """Without its name, which may hold a password."""
    assert kind_of(destination) == kind
