"""The path of an instance in an export, which consists of pseudonyms.

Paths have pseudonyms even if the policy keeps a UID or PatientID: it is replaced here by the pseudonym that it would
have under a rule that replaces it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from dicomveil_engine import Policy
from dicomveil_engine.attributes.legality import is_registered_uid
from dicomveil_engine.pseudonyms.keys import keyed_digest

Layout = Literal["dicom", "tcia", "bids"]

_LABEL = re.compile("[0-9A-Za-z]+")
_CODE = re.compile("[0-9A-Z]{1,16}")
_NO_STUDY, _NO_SERIES = "no study", "no series"
_SUBJECT = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")


@dataclass(frozen=True)
class Names:
    """The pseudonyms of an instance for paths, manifest and report."""

    study: str
    series: str
    instance: str
    patient: str
    """The PatientID of the output; empty if the policy removes it."""
    modality: str


class Namer:
    """Makes names under a policy."""

    def __init__(self, policy: Policy, key: bytes, layout: Layout | Literal["archive"]) -> None:
        """`key` is the key of labels; an archive has a layout of its own."""
        self._policy = policy
        self._key = key
        self._path = _PATHS[layout]

    def uid(self, uid: str) -> str:
        """The pseudonym of a UID; a pseudonym is returned unchanged."""
        return self._policy.pseudonym_uid(uid)

    def patient(self, output: str) -> str:
        """The PatientID that the output has, if it is one of the project's, else its pseudonym."""
        return self._policy.pseudonym_patient_id(output)

    def modality(self, output: str) -> str:
        """The modality if it is a defined term, else empty: an invalid instance may have any text."""
        return output if _CODE.fullmatch(output) else ""

    def sop_class(self, output: str) -> str:
        """The SOP class if the standard registers it, else empty: a UID of another root can hold anything."""
        return output if is_registered_uid(output) else ""

    def path(self, names: Names) -> str:
        """The path relative to the root of the export, with slashes.

        A policy may remove UIDs, and without one, a path would begin at the root of the file system.
        """
        study, series = names.study or self.label(_NO_STUDY), names.series or self.label(_NO_SERIES)
        return self._path(self, replace(names, study=study, series=series))

    def label(self, text: str, length: int = 8) -> str:
        """A label of letters and digits for a text, as BIDS requires."""
        digest = keyed_digest(self._key, text.encode("utf-8", "surrogatepass"))
        return base64.b32encode(digest[:10]).decode("ascii")[:length]

    def subject(self, names: Names) -> str:
        """The subject that groups a patient's studies; the study itself if the output has no PatientID."""
        if _SUBJECT.fullmatch(names.patient):
            return names.patient
        return self.label(f"subject {names.patient or names.study}", 16)

    def session(self, names: Names) -> str:
        """The study, as a label."""
        return self.label(f"session {names.study}")

    def plain_subject(self, names: Names) -> str:
        """The subject as a label of letters and digits only."""
        subject = self.subject(names)
        if _LABEL.fullmatch(subject):
            return subject
        plain = "".join(_LABEL.findall(subject))
        # LUNG-01 and LUNG0-1 must not become one.
        return plain + self.label(f"subject {subject}", 4).lower()


def _dicom(namer: Namer, names: Names) -> str:
    del namer
    return f"{names.study}/{names.series}/{names.instance}.dcm"


def _tcia(namer: Namer, names: Names) -> str:
    return f"{namer.subject(names)}/{names.study}/{names.series}/{names.instance}.dcm"


def _bids(namer: Namer, names: Names) -> str:
    subject, session = namer.plain_subject(names), namer.session(names)
    series = namer.label(f"series {names.series}")
    modality = names.modality.lower() or "other"
    return f"sourcedata/sub-{subject}/ses-{session}/{modality}/{series}/{names.instance}.dcm"


def _resource(namer: Namer, names: Names) -> str:
    """The path of the resource in another archive."""
    del namer
    return f"studies/{names.study}/series/{names.series}/instances/{names.instance}"


_PATHS: dict[str, Callable[[Namer, Names], str]] = {"archive": _resource, "dicom": _dicom, "tcia": _tcia, "bids": _bids}
