"""Access tokens of an identity provider: which are valid, and what they grant."""

from __future__ import annotations

import base64
import json
from typing import Any
from unittest import mock

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from joserfc.jws import JWSRegistry

from dicomveil_proxy.settings.access import OIDCSettings
from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.trust import oidc
from dicomveil_proxy.trust.key_set import KeySource
from dicomveil_proxy.trust.oidc import OIDCTokens
from dicomveil_proxy.trust.subject import Subject
from proxy.identity_provider import ALGORITHMS, AUDIENCE, ISSUER, IdentityProvider, new_key

pytestmark = pytest.mark.anyio

GROUPS = {"Imaging, lung": {"projects": ["lung"], "can": ["search"]}}
SETTINGS: dict[str, Any] = {
    "issuer": ISSUER,
    "audience": AUDIENCE,
    "projects_claim": "projects",
    "rights_claim": "rights",
    "clock_skew_seconds": 30,
}


class Checked:
    """A server's check of tokens, and its clock."""

    def __init__(self, provider: IdentityProvider, **settings: Any) -> None:
        self.now = 1_000.0
        keys = KeySource(ISSUER, None, provider.transport, lambda: self.now)
        self.tokens = OIDCTokens(OIDCSettings(**(SETTINGS | settings)), keys, lambda: self.now)

    async def subject(self, token: str) -> Subject | None:
        return await self.tokens.authenticate({}, token)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_valid_token(algorithm: str) -> None:
    """Of each algorithm: who it is, and what they may do."""
    provider = IdentityProvider(algorithm)
    subject = await Checked(provider).subject(provider.token(algorithm))

    assert subject is not None
    assert (subject.label, [*subject.rights("lung")], subject.knows("stroke")) == ("oidc:jane", [Right.SEARCH], False)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"},
        {"iss": f"{ISSUER}/"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": []},
        {"exp": None},
        {"exp": 969},
        {"exp": "2000"},
        {"nbf": 1_031},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "jane\nx"},
        {"sub": "j" * 257},
        {"typ": "ID"},
        {"typ": ["Bearer"]},
        {"typ": "Refresh"},
    ],
)
async def test_an_invalid_claim(claims: dict[str, Any]) -> None:
    """Of another issuer, for another server, expired, not valid yet, of nobody, or no access token."""
    provider = IdentityProvider()

    assert await Checked(provider).subject(provider.token(**claims)) is None


@pytest.mark.parametrize("claims", [{"exp": 971}, {"nbf": 1_029}, {"aud": ["other", AUDIENCE]}, {"typ": "Bearer"}])
async def test_what_is_still_valid(claims: dict[str, Any]) -> None:
    """Clocks differ by the seconds that the settings allow; audiences may be several."""
    provider = IdentityProvider()

    assert await Checked(provider).subject(provider.token(**claims)) is not None


def encoded(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "jane", "exp": 2_000, "projects": ["*"], "rights": "search"}


async def test_tokens_that_choose_their_algorithm() -> None:
    """None at all, the public key as a secret, one that is not on our list, another than the key's."""
    provider = IdentityProvider("RS256")
    checked = Checked(provider)
    key = provider.keys["RS256"]
    assert isinstance(key, RSAKey)
    pem = key.as_pem(private=False)
    secret = OctKey.import_key(base64.urlsafe_b64encode(pem).decode())
    confused = jwt.encode({"alg": "HS256", "kid": key.kid}, CLAIMS, secret)
    rs384 = jwt.encode({"alg": "RS384", "kid": key.kid}, CLAIMS, key, algorithms=["RS384"])
    valid = provider.token("RS256")
    head, body, signature = valid.split(".")
    tokens = [
        f"{encoded({'alg': 'none', 'kid': key.kid})}.{encoded(CLAIMS)}.",
        f"{encoded({'alg': 'none'})}.{encoded(CLAIMS)}.{signature}",
        f"{encoded({'alg': 'ES256', 'kid': key.kid})}.{body}.{signature}",
        f"{encoded({'alg': 'PS256', 'kid': key.kid})}.{body}.{signature}",
        f"{encoded({'alg': ['RS256'], 'kid': key.kid})}.{body}.{signature}",
        f"{encoded({'alg': 'RS256', 'kid': {'a': 1}})}.{body}.{signature}",
        f"{encoded({'alg': 'RS256', 'kid': key.kid, 'typ': ['JWT']})}.{body}.{signature}",
        f"{encoded({'alg': 'RS256', 'kid': key.kid, 'crit': ['x'], 'x': 1})}.{body}.{signature}",
        f"{head}.{encoded(CLAIMS)}.{signature}",
        f"{head}.{body}.",
        f"{head}..{signature}",
        f"x.{body}.{signature}",
        confused,
        rs384,
        f"{valid}.x.y",
        f"{head}.{body}",
        valid[:-2],
        "..",
    ]

    assert await checked.subject(valid) is not None
    assert [await checked.subject(token) for token in tokens] == [None] * len(tokens)


async def test_a_key_in_the_token_is_not_believed() -> None:
    """A header may bring a key along, or say where one is."""
    provider, evil = IdentityProvider(), IdentityProvider()
    own = evil.keys["ES256"]
    for header in ({"jwk": own.as_dict(private=False)}, {"jku": "https://evil.test/keys"}, {"kid": "other"}):
        token = evil.token(header=header)
        assert await Checked(provider).subject(token) is None
    assert evil.asked == []


@pytest.mark.parametrize("typ", ["logout+jwt", "dpop+jwt", "secevent+jwt", ""])
async def test_tokens_for_other_purposes(typ: object) -> None:
    """The same key signs them (RFC 8725 Section 3.11)."""
    provider = IdentityProvider()

    assert await Checked(provider).subject(provider.token(header={"typ": typ})) is None


async def test_a_key_for_encryption_or_another_algorithm() -> None:
    """Does not verify."""
    provider = IdentityProvider("RS256")
    token = provider.token("RS256")
    key = provider.keys["RS256"]
    for name, value in (("use", "enc"), ("alg", "PS256")):
        provider.keys["RS256"] = RSAKey.import_key({**key.as_dict(private=True), name: value})
        with pytest.raises(Exception, match="keys cannot be fetched") if name == "use" else mock.MagicMock():
            assert await Checked(provider).subject(token) is None


async def test_a_verdict_is_cached_until_the_token_expires() -> None:
    """A token is verified once; afterwards only its digest is looked up, and after its end it is refused."""
    provider = IdentityProvider()
    checked, token = Checked(provider), provider.token()
    with mock.patch.object(jwt, "decode", wraps=jwt.decode) as decode:
        for _ in range(5):
            assert await checked.subject(token) is not None
        assert decode.call_count == 1
        checked.now = 2_029.0
        assert await checked.subject(token) is not None
        checked.now = 2_030.0
        assert await checked.subject(token) is None
        assert decode.call_count == 2


async def test_cached_verdicts_are_bounded() -> None:
    """However many tokens come."""
    provider = IdentityProvider()
    checked = Checked(provider)
    with mock.patch.object(oidc, "CACHED_VERDICTS", 3):
        for number in range(10):
            assert await checked.subject(provider.token(jti=str(number))) is not None
        assert len(checked.tokens._verdicts) == 3


@pytest.mark.parametrize(
    ("claims", "settings", "projects", "rights"),
    [
        (
            {"projects": "lung, stroke", "rights": ["search", "retrieve"]},
            {},
            {"lung", "stroke"},
            {"search", "retrieve"},
        ),
        ({"projects": ["lung", "Not a name", 7], "rights": "openid search profile"}, {}, {"lung"}, {"search"}),
        ({"projects": ["*"], "rights": ["store"]}, {}, {"*"}, {"store"}),
        ({"projects": 7, "rights": ["store"]}, {}, set(), set()),
        (
            {"realm": {"roles": ["search"], "projects": ["lung"]}},
            {"projects_claim": "realm.projects", "rights_claim": "realm.roles"},
            {"lung"},
            {"search"},
        ),
        (
            {"https://x.test/p": ["lung"], "scp": "search"},
            {"projects_claim": "https://x.test/p", "rights_claim": "scp"},
            {"lung"},
            {"search"},
        ),
        (
            {"groups": ["staff", "Imaging, lung"]},
            {
                "groups": {"Imaging, lung": {"projects": ["lung"], "can": ["search"]}},
                "projects_claim": None,
                "rights_claim": None,
            },
            {"lung"},
            {"search"},
        ),
        (
            {"roles": "x"},
            {"groups": {"y": {"projects": ["*"], "can": ["search"]}}, "groups_claim": "roles"},
            {"lung"},
            {"search"},
        ),
    ],
)
async def test_what_claims_grant(
    claims: dict[str, Any], settings: dict[str, Any], projects: set[str], rights: set[str]
) -> None:
    """By project and right, in an object, or by group; words that mean nothing here are passed over."""
    provider = IdentityProvider()
    subject = await Checked(provider, **settings).subject(provider.token(**claims))

    assert subject is not None
    assert set(subject.grants) == projects
    assert {right for each in subject.grants.values() for right in each} == rights


def test_the_list_of_algorithms() -> None:
    """Four, and none that works with a secret."""
    assert set(oidc.ALGORITHMS) == set(ALGORITHMS)
    assert set(ALGORITHMS) <= set(JWSRegistry.algorithms)


def test_keys_of_tests_are_keys() -> None:
    """Each algorithm has a key of its kind."""
    assert [new_key(name, "x").key_type for name in ALGORITHMS] == [kind for kind, _ in oidc.ALGORITHMS.values()]
