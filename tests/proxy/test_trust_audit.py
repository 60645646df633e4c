"""The audit: what an event holds, and what happens when it cannot be written."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from unittest import mock

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import AuditUnavailable
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.settings.key_files import read_key
from dicomveil_proxy.trust import audit as module
from dicomveil_proxy.trust.audit import Action, AuditEvent, open_audit
from dicomveil_proxy.trust.chain import verify

EVENT = AuditEvent(
    Action.ACCESS,
    200,
    subject="token:viewer",
    project="lung",
    transaction="search",
    query=("PatientName",),
    count=3,
    details={"key": "ab"},
)


def test_an_event_is_a_line(tmp_path: Path) -> None:
    """With what is known, and nothing else; the file's key is made beside it."""
    audit = open_audit(AuditSettings(file=tmp_path / "audit.jsonl"))
    audit.record(EVENT)
    audit.close()
    content = (tmp_path / "audit.jsonl").read_bytes()
    fields = json.loads(content.splitlines()[-1])

    assert verify(content.splitlines(keepends=True), read_key(tmp_path / "audit.jsonl.key")).head.seq == 1
    assert {name: value for name, value in fields.items() if name not in {"time", "mac"}} == {
        "seq": 1,
        "event": "access",
        "outcome": 200,
        "subject": "token:viewer",
        "project": "lung",
        "transaction": "search",
        "count": 3,
        "query": ["PatientName"],
        "details": {"key": "ab"},
    }
    assert fields["time"].endswith("+00:00")


def test_a_key_of_ones_own(tmp_path: Path) -> None:
    """Elsewhere; one that cannot be read is named by its setting."""
    key = tmp_path / "elsewhere.key"
    key.touch(0o600)
    key.write_text(bytes(range(32)).hex())
    open_audit(AuditSettings(file=tmp_path / "audit.jsonl", key_file=key)).close()

    assert not (tmp_path / "audit.jsonl.key").exists()
    with pytest.raises(ConfigurationError, match=r"audit\.key_file: it cannot be read"):
        open_audit(AuditSettings(file=tmp_path / "other.jsonl", key_file=tmp_path / "nothing"))


@pytest.mark.parametrize("required", [True, False])
def test_what_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture, required: bool) -> None:
    """Is an error where it must be, and in any case a line in the log, but not one for each request."""
    audit = open_audit(AuditSettings(file=tmp_path / "audit.jsonl", required=required))
    with caplog.at_level(logging.CRITICAL), mock.patch("os.write", side_effect=OSError(28, "No space left on device")):
        for _ in range(3):
            if required:
                with pytest.raises(AuditUnavailable):
                    audit.record(EVENT)
            else:
                audit.record(EVENT)
    audit.close()

    critical = [each.message for each in caplog.records if each.levelno == logging.CRITICAL]
    assert critical == ["the audit cannot be written (No space left on device)"]


def test_the_head_is_published(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each hour and at the end, in the log, which is kept elsewhere."""
    with caplog.at_level(logging.INFO), mock.patch.object(module, "_HEAD_SECONDS", 0):
        audit = open_audit(AuditSettings(file=tmp_path / "audit.jsonl"))
        audit.record(EVENT)
        audit.close()
    mac = json.loads((tmp_path / "audit.jsonl").read_bytes().splitlines()[-1])["mac"]

    assert caplog.messages == [f"audit: the head of audit.jsonl is 1:{mac}"] * 2


def test_no_audit(tmp_path: Path) -> None:
    """Nothing is kept, and nothing is missing."""
    audit = open_audit(AuditSettings())
    audit.record(EVENT)
    audit.close()

    assert not audit.is_kept
    assert [*tmp_path.iterdir()] == []
