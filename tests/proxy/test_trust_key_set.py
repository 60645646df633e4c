"""Keys of an identity provider: fetched when needed, seldom, and only from where they are safe."""

from __future__ import annotations

import pytest

from dicomveil_proxy.errors import IdentityProviderUnavailable
from dicomveil_proxy.trust.key_set import FETCH_SECONDS, REFRESH_SECONDS, KeySource
from proxy.identity_provider import ISSUER, IdentityProvider, new_key

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def source(provider: IdentityProvider, clock: Clock, jwks_uri: str | None = None) -> KeySource:
    return KeySource(ISSUER, jwks_uri, provider.transport, clock)


async def test_an_unknown_key_is_asked_for_once_a_minute() -> None:
    """However many tokens name one; a new key is found after that minute."""
    provider, clock = IdentityProvider(), Clock()
    keys = source(provider, clock)
    assert await keys.key("key-ES256") is not None
    for number in range(50):
        assert await keys.key(f"made-up-{number}") is None
    assert len(provider.asked) == 2  # its configuration, and the keys

    provider.keys["next"] = new_key("ES256", "next")
    assert await keys.key("next") is None
    clock.now += FETCH_SECONDS
    assert await keys.key("next") is not None
    assert len(provider.asked) == 4


async def test_a_withdrawn_key() -> None:
    """Is unknown after an hour at most."""
    provider, clock = IdentityProvider("ES256", "EdDSA"), Clock()
    keys = source(provider, clock)
    assert await keys.key("key-EdDSA") is not None
    del provider.keys["EdDSA"]
    clock.now += REFRESH_SECONDS + 1

    assert await keys.key("key-EdDSA") is None


async def test_a_provider_that_is_down() -> None:
    """Says so while there are no keys; later, known keys stay."""
    provider, clock = IdentityProvider(), Clock()
    keys = source(provider, clock)
    provider.is_down = True
    for _ in range(10):
        with pytest.raises(IdentityProviderUnavailable):
            await keys.key("key-ES256")
    assert len(provider.asked) == 1

    provider.is_down = False
    clock.now += FETCH_SECONDS
    assert await keys.key("key-ES256") is not None
    provider.is_down = True
    clock.now += REFRESH_SECONDS + 1
    assert await keys.key("key-ES256") is not None


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://evil.test", "jwks_uri": f"{ISSUER}/keys"},
        {"issuer": ISSUER, "jwks_uri": "http://sso.test/keys"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER},
    ],
)
async def test_a_configuration_that_is_not_believed(configuration: dict[str, str]) -> None:
    """Another issuer's, or keys over plain HTTP."""
    provider = IdentityProvider()
    provider.configuration = configuration
    with pytest.raises(IdentityProviderUnavailable):
        await source(provider, Clock()).key("key-ES256")
    assert len(provider.asked) == 1


async def test_an_address_that_is_given() -> None:
    """Is asked at once."""
    provider = IdentityProvider()

    assert await source(provider, Clock(), "https://sso.test/other").key(None) is not None
    assert provider.asked == ["https://sso.test/other"]


async def test_a_token_without_a_key_id() -> None:
    """Means the only key; with two of them, none."""
    assert await source(IdentityProvider(), Clock()).key(None) is not None
    assert await source(IdentityProvider("ES256", "EdDSA"), Clock()).key(None) is None
