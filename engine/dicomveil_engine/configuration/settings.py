"""The settings that methods are built from: defaultSettings, customSettings and a rule's params.

Settings may hold keys: no message here has a value in it. What a setting means is its method's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.base import MethodBuilder

Block = Mapping[str, object]

SETTING_NAMES: Mapping[str, tuple[str, ...]] = {name: builder.settings for name, builder in METHODS.items()}
"""What each method reads, so that a mistyped name is noticed; it has no effect and is not an error."""


@dataclass(frozen=True)
class SettingsBlocks:
    """The settings blocks of one or more configurations."""

    defaults: Mapping[str, Block] = field(default_factory=dict, repr=False)
    """By method, in lower case."""
    custom: Mapping[str, Block] = field(default_factory=dict, repr=False)
    """By the name that a rule's `setting` gives; case matters."""

    def over(self, other: SettingsBlocks) -> SettingsBlocks:
        """These settings, and the other's where these have none for a method or name."""
        return SettingsBlocks({**other.defaults, **self.defaults}, {**other.custom, **self.custom})

    def resolve(self, method: str, setting: str | None = None, params: Block | None = None) -> Block:
        """What a method is built from: `params` over the block that `setting` names, or over its default.

        The blocks themselves never change. In the Microsoft tool a rule's params leak into later rules.
        """
        if setting is None:
            base = self.defaults.get(method.casefold(), {})
        elif setting in self.custom:
            base = self.custom[setting]
        else:
            known = ", ".join(sorted(self.custom)) or "it has none"
            raise ConfigurationError(
                f'customSettings has no "{setting}"{did_you_mean(setting, self.custom)} (known: {known})'
            )
        return merge(base, params or {})


def read_settings(default_settings: object, custom_settings: object) -> SettingsBlocks:
    """The two blocks of a configuration, or ConfigurationError."""
    defaults = read_blocks("defaultSettings", default_settings)
    return SettingsBlocks(
        {name.casefold(): block for name, block in defaults.items()},
        read_blocks("customSettings", custom_settings),
    )


def read_blocks(where: str, blocks: object) -> dict[str, Block]:
    """Name → block, from an object, or from an array of them as the Microsoft tool's documentation shows."""
    if blocks is None:
        return {}
    read: dict[str, Block] = {}
    for part in blocks if isinstance(blocks, list | tuple) else [blocks]:
        if not isinstance(part, Mapping):
            raise ConfigurationError(f'{where} must be an object, such as {{"redact": {{}}}}')
        for name, block in part.items():
            if not isinstance(block, Mapping):
                raise ConfigurationError(f"{where}.{name} must be an object")
            read[str(name)] = merge({}, block)
    return read


def merge(base: Block, over: Block) -> dict[str, object]:
    """A new block: `over` wins, objects merge within, null says nothing, names are the same in any case."""
    merged = dict(base)
    spellings = {name.casefold(): name for name in merged}
    for key, value in over.items():
        if value is None:
            continue
        name = str(key)
        previous = merged.pop(spellings.get(name.casefold(), name), None)
        if isinstance(previous, Mapping) and isinstance(value, Mapping):
            merged[name] = merge(previous, value)
        else:
            merged[name] = value
        spellings[name.casefold()] = name
    return merged


def unknown_names(method: MethodBuilder, block: Block) -> list[tuple[str, str]]:
    """What to say of each name in a block that the method does not read, and a suggested fix."""
    folded = {name.casefold() for name in method.settings}
    return [
        (
            f'{method.name} has no setting "{name}", so it has no effect',
            did_you_mean(name, method.settings).removeprefix("; "),
        )
        for name in block
        if name.casefold() not in folded
    ]
