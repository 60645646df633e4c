"""OpenID Connect: verifies access tokens by their signature (RFC 7519, RFC 9068), without asking the provider.

The algorithms are fixed here, so that a token cannot choose `none`, or HMAC with the public key as the secret. The
result is cached by the token's SHA-256 until the token expires.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry
from starlette.types import Scope

from dicomveil_proxy.settings.access import OIDCSettings
from dicomveil_proxy.settings.rights import Grants, Right, granted, joined, parse_project
from dicomveil_proxy.trust.clock import forward_time
from dicomveil_proxy.trust.key_set import KeySource
from dicomveil_proxy.trust.subject import Kind, Subject

ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Algorithm → kind of key and curve."""
CACHED_VERDICTS = 4_096
_TYPES = frozenset((None, "JWT", "jwt", "at+jwt", "application/at+jwt"))
"""Values of `typ` in the header of access tokens; tokens for other purposes have others, such as logout+jwt."""
_PURPOSES = frozenset((None, "Bearer"))
"""Keycloak's claim `typ` says what a token is for: ID and Refresh tokens are not accepted."""
_MAXIMUM_NAME = 256


class OIDCTokens:
    """Authenticates the access tokens of one issuer."""

    def __init__(self, settings: OIDCSettings, keys: KeySource, clock: Callable[[], float] = forward_time) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        self._verdicts: OrderedDict[bytes, tuple[Subject, float]] = OrderedDict()

    async def authenticate(self, scope: Scope, token: str | None) -> Subject | None:
        """The holder of the token. Raises IdentityProviderUnavailable if it cannot be checked."""
        del scope
        if not token or token.count(".") != 2:
            return None
        digest = hashlib.sha256(token.encode()).digest()
        now = self._clock()
        if cached := self._verdicts.get(digest):
            subject, until = cached
            if now < until:
                self._verdicts.move_to_end(digest)
                return subject
            del self._verdicts[digest]
        verdict = await self._verified(token, now)
        if verdict is None:
            return None
        self._verdicts[digest] = verdict
        while len(self._verdicts) > CACHED_VERDICTS:
            self._verdicts.popitem(last=False)
        return verdict[0]

    async def _verified(self, token: str, now: float) -> tuple[Subject, float] | None:
        """The subject, and the time at which the token expires."""
        header = _header(token)
        algorithm = ALGORITHMS.get(str(header.get("alg")))
        kid = header.get("kid")
        if algorithm is None or not isinstance(kid, str | None) or not _is_among(header.get("typ"), _TYPES):
            return None
        key = await self._keys.key(kid)
        if key is None or not _fits(key, str(header["alg"]), algorithm):
            return None
        claims = self._claims(token, key, now)
        if claims is None:
            return None
        name = _claim(claims, self._settings.subject_claim)
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _MAXIMUM_NAME:
            return None
        until = float(claims["exp"]) + self._settings.clock_skew_seconds
        return Subject(Kind.OIDC, name, self._grants(claims)), until

    def _claims(self, token: str, key: Key, now: float) -> dict[str, Any] | None:
        """The claims, if signature, issuer, audience and expiry are valid."""
        settings = self._settings
        expected = JWTClaimsRegistry(
            now=int(now),
            leeway=int(settings.clock_skew_seconds),
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
        )
        try:
            with warnings.catch_warnings():
                # RFC 9864 renames EdDSA, but identity providers do not use the new name yet.
                warnings.simplefilter("ignore", SecurityWarning)
                claims = jwt.decode(token, key, registry=self._registry).claims
            expected.validate(claims)
        except (JoseError, ValueError, TypeError):
            return None
        return claims if _is_among(claims.get("typ"), _PURPOSES) else None

    def _grants(self, claims: Mapping[str, Any]) -> Grants:
        """The grants by the claims for projects and rights, and by groups."""
        settings = self._settings
        several: list[Grants] = []
        if settings.projects_claim is not None and settings.rights_claim is not None:
            projects = [word for word in _words(_claim(claims, settings.projects_claim)) if _is_project(word)]
            known = [right.value for right in Right]
            # The claim may have other words as well, such as OAuth scopes.
            rights = [word for word in _words(_claim(claims, settings.rights_claim)) if word in known]
            several.append(granted(projects, rights))
        groups = set(_words(_claim(claims, settings.groups_claim), splits=False)) if settings.groups else set()
        several += [table.grants for name, table in settings.groups.items() if name in groups]
        return joined(several)


def _header(token: str) -> dict[str, Any]:
    """The header, which is not verified yet; empty if it is invalid."""
    encoded = token.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError:
        return {}
    return header if isinstance(header, dict) else {}


def _is_among(value: object, words: frozenset[str | None]) -> bool:
    return isinstance(value, str | None) and value in words


def _fits(key: Key, name: str, algorithm: tuple[str, str | None]) -> bool:
    """Whether a key can be used for an algorithm: by kind and curve, and not published for another."""
    kind, curve = algorithm
    if key.key_type != kind or (curve is not None and key.as_dict(private=False).get("crv") != curve):
        return False
    return key.as_dict(private=False).get("alg", name) == name


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name; if there is none, dots in the name separate the names of nested objects."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _words(value: object, *, splits: bool = True) -> Iterable[str]:
    """The words of a claim: a list of strings, or a string separated by spaces or commas."""
    if isinstance(value, str):
        return value.replace(",", " ").split() if splits else [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _is_project(word: str) -> bool:
    try:
        parse_project(word)
    except ValueError:
        return False
    return True
