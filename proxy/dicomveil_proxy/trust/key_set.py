"""The public keys of an identity provider: fetched when needed, cached, and at most once a minute.

Otherwise clients could cause a request to the provider with each token that has a made-up key ID.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from dicomveil_proxy.errors import IdentityProviderUnavailable
from dicomveil_proxy.settings.access import is_loopback

FETCH_SECONDS = 60.0
"""The minimum time between two fetches."""
REFRESH_SECONDS = 3600.0
"""The time after which cached keys are fetched again, so that withdrawn keys become invalid."""
MAXIMUM_KEYS = 100
_MAXIMUM_BYTES = 1 << 20
_TIMEOUT_SECONDS = 5.0
_CONFIGURATION = "/.well-known/openid-configuration"

_log = logging.getLogger(__name__)


class KeySource:
    """The keys of one issuer."""

    def __init__(
        self,
        issuer: str,
        jwks_uri: str | None,
        transport: Callable[[], httpx.AsyncBaseTransport],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without `jwks_uri`, the URL of the keys is taken from the issuer's configuration document."""
        self._issuer = issuer
        self._jwks_uri = jwks_uri
        self._transport = transport
        self._clock = clock
        self._keys: dict[str | None, Key] = {}
        self._tried = float("-inf")
        self._fetched = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str | None) -> Key | None:
        """The key with this ID, or the only key for a token without one; None if there is no such key.

        Raises IdentityProviderUnavailable if no keys could be fetched yet.
        """
        if self._find(kid) is None or self._clock() - self._fetched > REFRESH_SECONDS:
            await self._refresh()
        return self._find(kid)

    def _find(self, kid: str | None) -> Key | None:
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        if self._clock() - self._tried < FETCH_SECONDS and not self._lock.locked():
            self._check()
            return
        async with self._lock:
            if self._clock() - self._tried >= FETCH_SECONDS:
                self._tried = self._clock()
                try:
                    self._keys = await self._fetch()
                    self._fetched = self._clock()
                except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, KeyError, JoseError) as error:
                    # Cached keys remain valid, so that an outage of the provider does not lock users out.
                    _log.error("access.oidc: the issuer's keys cannot be fetched (%s)", type(error).__name__)
        self._check()

    def _check(self) -> None:
        if not self._keys:
            raise IdentityProviderUnavailable("the identity provider's keys cannot be fetched; try again later")

    async def _fetch(self) -> dict[str | None, Key]:
        """The keys by ID. Raises the errors that `_refresh` catches."""
        async with httpx.AsyncClient(transport=self._transport(), timeout=_TIMEOUT_SECONDS) as client:
            uri = self._jwks_uri
            if uri is None:
                configuration = await _document(client, self._issuer.rstrip("/") + _CONFIGURATION)
                if configuration["issuer"] != self._issuer:
                    raise ValueError("the configuration is another issuer's")
                uri = configuration["jwks_uri"]
                _check_is_secure(uri)
            found = (await _document(client, uri))["keys"]
        keys: dict[str | None, Key] = {}
        for each in found[:MAXIMUM_KEYS]:
            # Other keys are for encryption, or of kinds that none of our algorithms uses.
            if each.get("kty") in {"RSA", "EC", "OKP"} and each.get("use", "sig") == "sig":
                try:
                    keys[each.get("kid")] = JWKRegistry.import_key(_public(each))
                except (JoseError, ValueError, TypeError, KeyError):
                    _log.warning("access.oidc: a key of the issuer cannot be read, and is left out")
        if not keys:
            raise ValueError("there are no keys for signatures")
        return keys


async def _document(client: httpx.AsyncClient, uri: str) -> dict[str, Any]:
    """A JSON object of limited size; redirects are not followed."""
    # Uncompressed, since a few compressed bytes can inflate to gigabytes.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with client.stream("GET", uri, headers=headers) as response:
        if response.status_code != 200:
            raise ValueError("the answer is not 200")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise ValueError("the answer is compressed although that was not asked for")
        content = b""
        async for piece in response.aiter_bytes():
            content += piece
            if len(content) > _MAXIMUM_BYTES:
                raise ValueError("the answer is too long")
    document = json.loads(content)
    if not isinstance(document, dict):
        raise TypeError("the answer is not an object")
    return document


def _check_is_secure(uri: str) -> None:
    parts = urlsplit(uri)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("the keys would come over plain HTTP")


def _public(key: dict[str, Any]) -> dict[str, Any]:
    """The key without private parts, which an issuer should not publish."""
    return {name: value for name, value in key.items() if name not in {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}}
