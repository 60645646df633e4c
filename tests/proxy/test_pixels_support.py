"""Policies that ask for more than the proxy does about pixels are refused."""

from __future__ import annotations

import pytest

from dicomveil_engine import ConfigurationError, load_policy
from dicomveil_proxy.pixels.support import with_supported_pixels


def test_a_policy_that_cleans_is_refused() -> None:
    """Nothing is served uncovered under a policy that promises otherwise."""
    kept = load_policy({"profile": "basic", "pixels": "keep"}, b"k" * 32)

    assert with_supported_pixels(kept) is kept
    with pytest.raises(ConfigurationError, match="pixels"):
        with_supported_pixels(load_policy({"profile": "basic", "pixels": "clean"}, b"k" * 32))
