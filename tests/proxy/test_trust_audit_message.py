"""DICOM Audit Messages: every event has one that the standard's schema allows, with codes that the standard has."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from pydicom.sr._concepts_dict import concepts

from dicomveil_proxy.trust import audit_message as module
from dicomveil_proxy.trust.audit import Action, AuditEvent
from dicomveil_proxy.trust.audit_message import audit_message, outcome_of

SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).with_name("audit_message.rng")))
NOW = 1_700_000_000.5

EVENTS: dict[str, AuditEvent] = {
    **{action.value: AuditEvent(action, 200) for action in Action},
    "search": AuditEvent(
        Action.ACCESS, 200, "token:a", "10.0.0.1", "lung", "search", "ab", query=("PatientName", "limit"), count=3
    ),
    "retrieve": AuditEvent(Action.ACCESS, 200, "oidc:b", "::1", "lung", "retrieve", "ab", "2.25.1", "2.25.2", "2.25.3"),
    "retrieved": AuditEvent(Action.ENDED, "broken off", "oidc:b", "::1", "lung", "retrieve", "ab", "2.25.1", bytes=7),
    "store": AuditEvent(Action.ACCESS, "begun", "certificate:CN=x", "10.0.0.1", "default", "store", "ab"),
    "stored": AuditEvent(Action.ENDED, 200, "certificate:CN=x", "10.0.0.1", "default", "store", "ab", count=2),
    "nobody": AuditEvent(Action.REFUSAL, 401, address="10.0.0.1", request_id="ab", details={"not_recorded": 15}),
    "forbidden": AuditEvent(Action.REFUSAL, 403, "token:a", "10.0.0.1", "lung", "retrieve", "ab"),
    "markup": AuditEvent(Action.ACCESS, 200, 'oidc:<b a="&">', "10.0.0.1", "lung", "retrieve", "ab"),
}


def parsed(event: AuditEvent) -> Any:
    return etree.fromstring(audit_message(event, NOW, "host"))


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_every_event_is_valid(event: AuditEvent) -> None:
    """By the RELAX NG schema of PS3.15 Section A.5.1."""
    SCHEMA.assertValid(parsed(event))


def test_the_schema_finds_what_is_wrong() -> None:
    """Or the test above could not fail."""
    text = audit_message(EVENTS["retrieve"], NOW, "host").decode()
    for wrong in (
        text.replace("csd-code", "code"),
        text.replace('originalText="Study Instance UID"', ""),
        text.replace('EventActionCode="R"', 'EventActionCode="X"'),
        text.replace(">true<", ">perhaps<"),
        text.replace("2023-11-14T", "14.11.2023 "),
        re.sub("<AuditSourceIdentification.*</AuditSourceIdentification>", "", text),
    ):
        assert wrong != text
        assert not SCHEMA.validate(etree.fromstring(wrong.encode()))


def test_codes_are_the_standards() -> None:
    """Each with the meaning that PS3.16 gives it."""
    meanings = {code: meaning for each in concepts["DCM"].values() for code, (meaning, _) in each.items()}
    codes = [value for name, value in vars(module).items() if name.isupper() and isinstance(value, tuple)]

    assert len(codes) > 15
    assert {code: meanings[code] for code, _ in codes} == dict(codes)


def test_what_a_message_says() -> None:
    """Who, from where, of which study, and nothing but pseudonyms; the names of a query in base64."""
    message = parsed(EVENTS["retrieve"])
    user, ours = message.findall("ActiveParticipant")
    object_ = message.find("ParticipantObjectIdentification")

    assert message.find("EventIdentification/EventID").get("csd-code") == "110103"
    assert (user.get("UserID"), user.get("UserIsRequestor"), user.get("NetworkAccessPointID")) == (
        "oidc:b",
        "true",
        "::1",
    )
    assert ours.get("UserID") == "dicomveil@host"
    assert object_.get("ParticipantObjectID") == "2.25.1"
    assert object_.findtext("ParticipantObjectDescription/Anonymized") == "true"
    query = parsed(EVENTS["search"]).findtext("ParticipantObjectIdentification/ParticipantObjectQuery")
    assert base64.b64decode(query) == b"PatientName&limit"
    assert parsed(EVENTS["markup"]).find("ActiveParticipant").get("UserID") == 'oidc:<b a="&">'


def test_outcomes() -> None:
    """Success, a failure of the user's, one of ours."""
    outcomes = [outcome_of(AuditEvent(Action.ACCESS, each)) for each in (200, "begun", 404, "broken off", 503)]

    assert outcomes == ["0", "0", "4", "4", "8"]
    assert outcome_of(AuditEvent(Action.GUARD)) == "8"
