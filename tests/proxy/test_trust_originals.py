"""What is written down of originals that are shown: who, what kind, how many."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import pytest

from dicomveil_proxy.errors import AuditUnavailable
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.settings.key_files import read_key
from dicomveil_proxy.trust.audit_file import AuditFile
from dicomveil_proxy.trust.chain import verify
from dicomveil_proxy.trust.operator import operator
from dicomveil_proxy.trust.originals import Kind, record_originals_shown


def test_an_event_has_who_what_and_how_many(tmp_path: Path) -> None:
    """And nothing that is shown; it is a link of the chain."""
    file = tmp_path / "audit.jsonl"
    record_originals_shown(AuditSettings(file=file), Kind.PICTURES, 3)
    lines = file.read_bytes().splitlines(keepends=True)
    (event,) = [each for each in map(json.loads, lines) if each["event"] == "original-shown"]

    assert (event["subject"], event["outcome"], event["count"]) == (operator(), "shown", 3)
    assert event["details"] == {"kind": "pictures"}
    assert event.keys() <= {"seq", "time", "event", "outcome", "subject", "count", "details", "mac", "prev"}
    verify(lines, read_key(tmp_path / "audit.jsonl.key"))


def test_without_an_audit_there_is_nothing_to_write() -> None:
    """It is no error."""
    record_originals_shown(AuditSettings(), Kind.TEXT, 1)


@pytest.mark.parametrize("required", [True, False])
def test_a_full_disk(tmp_path: Path, required: bool) -> None:
    """Nothing may be shown, if the audit is required."""
    settings = AuditSettings(file=tmp_path / "audit.jsonl", required=required)
    with mock.patch.object(AuditFile, "append", side_effect=OSError(28, "full")):
        if not required:
            record_originals_shown(settings, Kind.TEXT, 1)
            return
        with pytest.raises(AuditUnavailable):
            record_originals_shown(settings, Kind.TEXT, 1)
