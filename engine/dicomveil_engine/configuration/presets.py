"""The presets: configurations that come with the engine, by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from dicomveil_engine.configuration import jsonc
from dicomveil_engine.errors import ConfigurationError

PRESETS = ("basic", "default", "research", "tcia", "safe-harbor", "limited-data-set", "microsoft")


def load_preset(name: str) -> Mapping[str, object]:
    """The preset's document; `name` is one of PRESETS."""
    text = files("dicomveil_engine").joinpath("presets", f"{name}.json").read_text(encoding="utf-8")
    document = jsonc.parse(text)
    if not isinstance(document, dict):
        raise ConfigurationError(f'preset "{name}" is not an object')
    return document
