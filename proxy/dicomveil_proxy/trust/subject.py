"""A subject: the authenticated user of a request, with the rights granted.

Created by the modules that check credentials; used by admission, limits and audit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from starlette.types import Scope

from dicomveil_proxy.settings.rights import EVERY_PROJECT, Grants, Right

_KEY = "dicomveil.subject"


class Kind(StrEnum):
    """The kind of a subject's credentials."""

    ANONYMOUS = "anonymous"
    TOKEN = "token"  # noqa: S105 - the word, not a token
    OIDC = "oidc"
    CERTIFICATE = "certificate"


@dataclass(frozen=True)
class Subject:
    """An authenticated user."""

    kind: Kind
    name: str
    """Unique within its kind; recorded in the audit, and therefore never a credential."""
    grants: Grants = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Kind and name, for the audit and the limits."""
        return self.name if self.kind is Kind.ANONYMOUS else f"{self.kind}:{self.name}"

    def rights(self, project: str) -> frozenset[Right]:
        """The rights in the project with this label."""
        return self.grants.get(project, frozenset()) | self.grants.get(EVERY_PROJECT, frozenset())

    def may(self, project: str, right: Right) -> bool:
        """Whether the subject has this right in a project."""
        return right in self.rights(project)

    def knows(self, project: str) -> bool:
        """Whether the subject has any right in a project. If not, the project does not exist for them."""
        return bool(self.rights(project))


ANONYMOUS = Subject(Kind.ANONYMOUS, "anonymous", {EVERY_PROJECT: frozenset(Right)})
"""The subject of every request if the server does not authenticate users."""


def subject_of(scope: Scope) -> Subject:
    """The subject of a request that was admitted. Raises KeyError for a request that was not."""
    subject: Subject = scope[_KEY]
    return subject


def known_subject_of(scope: Scope) -> Subject | None:
    """The subject of a request, if its credentials were valid."""
    subject: Subject | None = scope.get(_KEY)
    return subject


def note_subject(scope: Scope, subject: Subject) -> None:
    """Set the subject of a request."""
    scope[_KEY] = subject
