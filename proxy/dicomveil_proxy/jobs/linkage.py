"""The linkage file, which maps pseudonyms to patients, for the honest broker only.

It contains originals, and is therefore encrypted for the broker's certificate, readable by its owner only, and never
written below the output. The digest of its text precedes the envelope, to distinguish a damaged file from one for
another recipient.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from dicomveil_engine import EngineError, MetadataRewriter, Policy
from dicomveil_engine.pseudonyms.dates import read_da
from dicomveil_proxy.jobs.cms import Certificate, CMSError, Signer, seal, unseal, verified
from dicomveil_proxy.jobs.ledger import Ledger
from dicomveil_proxy.jobs.tables import plain, write_csv

COLUMNS = (
    "PatientID",
    "PatientID pseudonym",
    "StudyInstanceUID",
    "StudyInstanceUID pseudonym",
    "AccessionNumber",
    "AccessionNumber pseudonym",
    "date shift",
    "subject",
)
_PROBE = "20000630"
"""A date in the middle of the calendar, to see by how much the study's dates move."""
_BEGIN, _END = "-----BEGIN CMS-----", "-----END CMS-----"
_HEAD = "dicomveil linkage, SHA-256 "
_LINE = 64
_STUDIES = """
    SELECT DISTINCT study.study, study.patient, study.accession FROM study
      JOIN unit ON unit.job = study.job AND unit.study = study.study
    WHERE study.job = :job AND unit.placed > 0 ORDER BY study.study
"""


@dataclass(frozen=True)
class Opened:
    """A decrypted linkage file."""

    rows: list[dict[str, str]]
    text: str
    signer: str
    """The fingerprint of the project that made it."""


def write_linkage(path: Path, ledger: Ledger, policy: Policy, secret: bytes, recipients: Sequence[Certificate]) -> str:
    """Write the file, and return the fingerprint of its signer. Raises OSError."""
    text = io.StringIO(newline="")
    write_csv(text, COLUMNS, _rows(ledger, policy))
    signer = Signer(secret)
    envelope = seal(signer.sign(text.getvalue().encode("utf-8", "surrogateescape")), recipients)
    armoured = _armoured(envelope)
    digest = hashlib.sha256(armoured.encode()).hexdigest()
    _write_private(path, f"{_HEAD}{digest}\n{armoured}".encode())
    return signer.fingerprint


def read_linkage(data: bytes, key: rsa.RSAPrivateKey) -> Opened:
    """The decrypted file. Raises CMSError if it is for another recipient, or was changed."""
    try:
        head, _, armoured = data.decode("ascii").partition("\n")
        lines = armoured.split("\n")
        digest = hashlib.sha256(armoured.encode()).hexdigest()
        if head != f"{_HEAD}{digest}" or lines[0] != _BEGIN or lines[-2:] != [_END, ""]:
            raise CMSError("it is not a linkage file, or it was changed")
        envelope = b64decode("".join(lines[1:-2]), validate=True)
    except ValueError:
        raise CMSError("it is not a linkage file, or it was changed") from None
    content, signer = verified(unseal(envelope, key))
    text = content.decode("utf-8", "surrogateescape")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return Opened([{name: plain(cell) for name, cell in row.items()} for row in rows], text, signer)


def look_up(opened: Opened, value: str) -> list[dict[str, str]]:
    """The rows that have the value, as an original or as a pseudonym."""
    return [row for row in opened.rows if any(row[name] == value for name in COLUMNS if name != "date shift")]


def _rows(ledger: Ledger, policy: Policy) -> Iterator[tuple[object, ...]]:
    rewriter = MetadataRewriter(policy, claims=False)
    for study, patient, accession in ledger.stream(_STUDIES):
        out = _deidentified(rewriter, study, patient, accession)
        pseudonym = _text(out, "00100020")
        moved, probe = read_da(_text(out, "00080020")), read_da(_PROBE)
        shift = (moved - probe).days if isinstance(moved, date) and isinstance(probe, date) else ""
        subject = pseudonym if policy.patients.is_subject(pseudonym) else ""
        study_pseudonym = policy.pseudonym_uid(study)
        yield patient, pseudonym, study, study_pseudonym, accession, _text(out, "00080050"), str(shift), subject


def _deidentified(rewriter: MetadataRewriter, study: str, patient: str, accession: str) -> dict[str, Any]:
    """A study's identifiers after de-identification."""
    original: dict[str, Any] = {
        "00080020": {"vr": "DA", "Value": [_PROBE]},
        "0020000D": {"vr": "UI", "Value": [study]},
    }
    if accession:
        original["00080050"] = {"vr": "SH", "Value": [accession]}
    if patient:
        original["00100020"] = {"vr": "LO", "Value": [patient]}
    try:
        return dict(rewriter.rewrite(dict(sorted(original.items()))))
    except EngineError:
        return {}


def _text(dataset: dict[str, Any], tag: str) -> str:
    values = dataset.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _armoured(envelope: bytes) -> str:
    text = b64encode(envelope).decode("ascii")
    lines = (text[at : at + _LINE] for at in range(0, len(text), _LINE))
    return "\n".join((_BEGIN, *lines, _END, ""))


def _write_private(path: Path, data: bytes) -> None:
    """Write the file atomically, readable by its owner only."""
    descriptor, name = tempfile.mkstemp(prefix=".dicomveil-", dir=path.absolute().parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise
