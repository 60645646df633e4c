"""An audit event as a DICOM Audit Message (PS3.15 Section A.5), for a hospital's audit repository (IHE ATNA).

The codes are those of PS3.16 CID 400 to 404. Deviates from PS3.15 Section A.5.3: the patient is not among the
participating objects, since the repository must not link pseudonyms to originals. Objects are marked as anonymized.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from dicomveil_proxy.trust.audit import Action, AuditEvent

Code = tuple[str, str]
"""A code of the coding scheme DCM, and its meaning."""

_SYSTEM = "DCM"
_OWN_SYSTEM = "99DICOMVEIL"

APPLICATION_ACTIVITY: Code = ("110100", "Application Activity")
BEGIN_TRANSFERRING: Code = ("110102", "Begin Transferring DICOM Instances")
INSTANCES_ACCESSED: Code = ("110103", "DICOM Instances Accessed")
INSTANCES_TRANSFERRED: Code = ("110104", "DICOM Instances Transferred")
EXPORT: Code = ("110106", "Export")
QUERY: Code = ("110112", "Query")
SECURITY_ALERT: Code = ("110113", "Security Alert")
APPLICATION_START: Code = ("110120", "Application Start")
APPLICATION_STOP: Code = ("110121", "Application Stop")
SECURITY_CONFIGURATION: Code = ("110129", "Security Configuration")
SOFTWARE_CONFIGURATION: Code = ("110131", "Software Configuration")
AUTHENTICATION_DECISION: Code = ("110143", "Authentication Decision")
ACCESS_CONTROL_DECISION: Code = ("110147", "Access Control Decision")
APPLICATION: Code = ("110150", "Application")
DESTINATION: Code = ("110152", "Destination Role ID")
SOURCE: Code = ("110153", "Source Role ID")
STUDY_INSTANCE_UID: Code = ("110180", "Study Instance UID")
NODE_ID: Code = ("110182", "Node ID")

_KINDS: dict[Action, tuple[Code, Code | None, str]] = {
    Action.START: (APPLICATION_ACTIVITY, APPLICATION_START, "E"),
    Action.STOP: (APPLICATION_ACTIVITY, APPLICATION_STOP, "E"),
    Action.CONFIGURATION: (SECURITY_ALERT, SOFTWARE_CONFIGURATION, "E"),
    Action.KEYS: (SECURITY_ALERT, SECURITY_CONFIGURATION, "E"),
    Action.ADMIN: (SECURITY_ALERT, SECURITY_CONFIGURATION, "E"),
    Action.REFUSAL: (SECURITY_ALERT, ACCESS_CONTROL_DECISION, "E"),
    Action.GUARD: (SECURITY_ALERT, None, "E"),
    Action.EXPORT: (EXPORT, None, "R"),
    Action.ORIGINAL_SHOWN: (INSTANCES_ACCESSED, None, "R"),
    Action.ACCESS: (INSTANCES_ACCESSED, None, "R"),
    Action.ENDED: (INSTANCES_TRANSFERRED, None, "R"),
}
_GUARD = "Leak Guard"


def audit_message(event: AuditEvent, now: float, host: str) -> bytes:
    """The message in UTF-8. `host` is this machine's name."""
    message = Element("AuditMessage")
    _identification(message, event, now)
    is_ours = event.subject is None and event.address is None
    is_sender = event.transaction != "store"
    if not is_ours:
        user = _participant(message, event.subject or "unknown", DESTINATION if is_sender else SOURCE, requests=True)
        if event.address:
            user.set("NetworkAccessPointID", event.address)
            user.set("NetworkAccessPointTypeCode", "2")
    _participant(
        message, f"dicomveil@{host}", APPLICATION if is_ours else SOURCE if is_sender else DESTINATION, requests=False
    )
    source = SubElement(message, "AuditSourceIdentification", AuditSourceID=f"dicomveil@{host}")
    SubElement(source, "AuditSourceTypeCode", {"csd-code": "4"})  # an application server
    _object(message, event)
    encoded: bytes = tostring(message, encoding="utf-8", xml_declaration=True)
    return encoded


def outcome_of(event: AuditEvent) -> str:
    """EventOutcomeIndicator: 0 for success, 4 for the user's failures, 8 for the server's."""
    if isinstance(event.outcome, int) and event.outcome >= 500:
        return "8"
    if event.outcome == "broken off" or (isinstance(event.outcome, int) and event.outcome >= 400):
        return "4"
    return "8" if event.action is Action.GUARD else "0"


def _identification(message: Element, event: AuditEvent, now: float) -> None:
    kind, specific, action = _KINDS[event.action]
    if event.action in {Action.ACCESS, Action.ENDED}:
        kind, action = _transaction(event)
    if event.action is Action.REFUSAL and event.outcome == 401:
        specific = AUTHENTICATION_DECISION
    identification = SubElement(
        message,
        "EventIdentification",
        EventActionCode=action,
        EventDateTime=datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=outcome_of(event),
    )
    _coded(identification, "EventID", kind)
    if specific is not None:
        _coded(identification, "EventTypeCode", specific)
    if event.action is Action.GUARD:
        _coded(identification, "EventTypeCode", ("guard", _GUARD), _OWN_SYSTEM)
    if event.outcome is not None:
        SubElement(identification, "EventOutcomeDescription").text = str(event.outcome)


def _transaction(event: AuditEvent) -> tuple[Code, str]:
    if event.transaction == "search":
        return QUERY, "E"
    if event.transaction == "store":
        return (BEGIN_TRANSFERRING, "E") if event.action is Action.ACCESS else (INSTANCES_TRANSFERRED, "C")
    return (INSTANCES_ACCESSED if event.action is Action.ACCESS else INSTANCES_TRANSFERRED), "R"


def _participant(message: Element, user: str, role: Code, *, requests: bool) -> Element:
    participant = SubElement(message, "ActiveParticipant", UserID=user, UserIsRequestor=str(requests).lower())
    _coded(participant, "RoleIDCode", role)
    return participant


def _object(message: Element, event: AuditEvent) -> None:
    """Add the requested object: a study by its pseudonym, or a project."""
    is_study = event.study is not None
    made = SubElement(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectID=event.study or event.project or "dicomveil",
        ParticipantObjectTypeCode="2",  # a system object
        ParticipantObjectTypeCodeRole="3" if is_study else "24" if event.transaction == "search" else "4",
    )
    _coded(made, "ParticipantObjectIDTypeCode", STUDY_INSTANCE_UID if is_study else NODE_ID)
    if event.transaction == "search":
        SubElement(made, "ParticipantObjectQuery").text = _encoded("&".join(event.query))
    else:
        SubElement(made, "ParticipantObjectName").text = event.project or "dicomveil"
    details: dict[str, object | None] = {
        "project": event.project,
        "request_id": event.request_id,
        "series": event.series,
        "instance": event.instance,
        "count": event.count,
        "bytes": event.bytes,
        "reason": event.reason,
        **event.details,
    }
    for name, value in details.items():
        if value is not None:
            SubElement(made, "ParticipantObjectDetail", type=name, value=_encoded(str(value)))
    if is_study:
        description = SubElement(made, "ParticipantObjectDescription")
        SubElement(description, "Anonymized").text = str(event.action is not Action.ORIGINAL_SHOWN).lower()


def _coded(parent: Element, name: str, code: Code, system: str = _SYSTEM) -> None:
    SubElement(parent, name, {"csd-code": code[0], "codeSystemName": system, "originalText": code[1]})


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
