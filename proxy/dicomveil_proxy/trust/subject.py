"""A subject: the holder of credentials, as far as those say who that is, with the rights granted.

Made by the modules that check credentials; read by admission, limits, audit and pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from starlette.types import Scope

from dicomveil_proxy.settings.rights import EVERY_PROJECT, Grants, Right

_KEY = "dicomveil.subject"


class Kind(StrEnum):
    """By what a subject is known."""

    ANONYMOUS = "anonymous"
    TOKEN = "token"  # noqa: S105 - the word, not one
    OIDC = "oidc"
    CERTIFICATE = "certificate"


@dataclass(frozen=True)
class Subject:
    """The holder of credentials."""

    kind: Kind
    name: str
    """Unique within its kind; never a credential. It stands in the audit."""
    grants: Grants = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Kind and name, as the audit and the limits know the subject."""
        return self.name if self.kind is Kind.ANONYMOUS else f"{self.kind}:{self.name}"

    def rights(self, project: str) -> frozenset[Right]:
        """The rights in a project, by its label."""
        return self.grants.get(project, frozenset()) | self.grants.get(EVERY_PROJECT, frozenset())

    def may(self, project: str, right: Right) -> bool:
        """Whether the subject has this right in a project."""
        return right in self.rights(project)

    def knows(self, project: str) -> bool:
        """Whether the subject has any right in a project. If not, the project does not exist for them."""
        return bool(self.rights(project))


ANONYMOUS = Subject(Kind.ANONYMOUS, "anonymous", {EVERY_PROJECT: frozenset(Right)})
"""Everybody, where the server does not authenticate its users."""


def subject_of(scope: Scope) -> Subject:
    """The subject of a request that was admitted. Raises KeyError for a request that was not."""
    subject: Subject = scope[_KEY]
    return subject


def known_subject_of(scope: Scope) -> Subject | None:
    """The subject of a request, if its credentials were valid."""
    subject: Subject | None = scope.get(_KEY)
    return subject


def enter(scope: Scope, subject: Subject) -> None:
    """Write down whose request this is."""
    scope[_KEY] = subject
