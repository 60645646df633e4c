"""The presets that ship with the engine."""

from __future__ import annotations

import pytest

from dicomveil_engine.configuration import ProfileName, jsonc, presets, read_configuration
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(bytes(32))


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_loads_without_a_warning(name: str) -> None:
    """What ships has nothing odd in it."""
    configuration = read_configuration({"profile": name}, KEYS)

    assert (configuration.name, configuration.warnings) == (name, ())


@pytest.mark.parametrize("name", ["basic", "default"])
def test_presets_of_the_standard(name: str) -> None:
    """They stand on Table E.1-1 with the layer by VR, and give each patient a pseudonym."""
    configuration = read_configuration({"profile": name}, KEYS)

    assert (configuration.profile, configuration.protect_unlisted) == (ProfileName.PS315, True)
    assert configuration.rules[0].label == f'preset "{name}" rule 1 (0010,0020) pseudonym'


def test_a_preset_that_is_no_object_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken package is noticed at start."""
    monkeypatch.setattr(jsonc, "parse", lambda _: [])

    with pytest.raises(ConfigurationError, match="not an object"):
        presets.load_preset("basic")
