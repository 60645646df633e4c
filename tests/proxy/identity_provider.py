"""An identity provider in memory: keys, tokens, and how often it was asked."""

from __future__ import annotations

import json
import warnings
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

ISSUER = "https://sso.test/realms/hospital"
AUDIENCE = "dicomveil"
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")

_RSA = {kid: RSAKey.generate_key(2048, {"kid": kid}) for kid in ("RS256", "PS256")}


def new_key(algorithm: str, kid: str) -> Key:
    """A key for an algorithm; RSA keys, which take long, are made once for each."""
    if algorithm in _RSA:
        return RSAKey.import_key(_RSA[algorithm].as_dict(private=True) | {"kid": kid})
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519", {"kid": kid})
    return ECKey.generate_key("P-256", {"kid": kid})


class IdentityProvider:
    """Signs tokens, and answers what it is asked over HTTP."""

    def __init__(self, *algorithms: str) -> None:
        self.keys: dict[str, Key] = {name: new_key(name, f"key-{name}") for name in algorithms or ("ES256",)}
        self.asked: list[str] = []
        self.is_down = False
        self.configuration: dict[str, Any] = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}

    def token(self, algorithm: str = "ES256", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A signed token; claims that are None are left out."""
        key = self.keys[algorithm]
        whole = {"iss": ISSUER, "aud": AUDIENCE, "sub": "jane", "exp": 2_000, "projects": ["lung"], "rights": "search"}
        given = {name: value for name, value in (whole | claims).items() if value is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return jwt.encode({"alg": algorithm, "kid": key.kid} | (header or {}), given, key, algorithms=[algorithm])

    def transport(self) -> httpx.MockTransport:
        """How a client reaches it."""
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if self.is_down:
            raise httpx.ConnectError("down")
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(200, json=self.configuration)
        keys = [key.as_dict(private=False) for key in self.keys.values()]
        return httpx.Response(200, content=json.dumps({"keys": keys}))
