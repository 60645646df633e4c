"""What the proxy does about text burnt into pixels: a policy that asks for more is refused when it is loaded."""

from __future__ import annotations

from dicomveil_engine import ConfigurationError, Policy
from dicomveil_engine.configuration.pixels import PixelText


def with_supported_pixels(policy: Policy) -> Policy:
    """The policy, if the proxy does all that it asks for. Raises ConfigurationError."""
    if policy.pixels.text is not PixelText.KEEP:
        raise ConfigurationError('"pixels": text in pixels is not covered while serving yet; write "pixels": "keep"')
    return policy
