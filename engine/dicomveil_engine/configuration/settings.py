"""The settings of methods: defaultSettings, customSettings and a rule's params.

Settings may hold keys, so that no message has a value. Methods define what their settings mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.configuration.findings import shortened
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.base import MethodBuilder

Block = Mapping[str, object]

SETTING_NAMES: Mapping[str, tuple[str, ...]] = {name: builder.settings for name, builder in METHODS.items()}
"""Method → the settings that it reads. Others have no effect, and give a warning."""


@dataclass(frozen=True)
class SettingsBlocks:
    """The settings blocks of one or more configurations."""

    defaults: Mapping[str, Block] = field(default_factory=dict, repr=False)
    """Method in lower case → block."""
    custom: Mapping[str, Block] = field(default_factory=dict, repr=False)
    """Name in a rule's `setting`, which is case-sensitive → block."""

    def over(self, other: SettingsBlocks) -> SettingsBlocks:
        """These settings, completed by the other's for methods and names that these do not have."""
        return SettingsBlocks({**other.defaults, **self.defaults}, {**other.custom, **self.custom})

    def resolve(self, method: str, setting: str | None = None, params: Block | None = None) -> Block:
        """The settings of a method: `params` over the block named by `setting`, or over its default block.

        The blocks are not changed, unlike in the Microsoft tool, where a rule's params apply to later rules too.
        """
        if setting is None:
            base = self.defaults.get(method.casefold(), {})
        elif setting in self.custom:
            base = self.custom[setting]
        else:
            known = f" (known: {', '.join(sorted(self.custom))})" if self.custom else ", because it is empty"
            suggestion = did_you_mean(setting, self.custom)
            raise ConfigurationError(f'customSettings has no "{shortened(setting)}"{suggestion}{known}')
        return merge(base, params or {})


def read_settings(default_settings: object, custom_settings: object) -> SettingsBlocks:
    """The settings of a configuration. Raises ConfigurationError."""
    defaults = read_blocks("defaultSettings", default_settings)
    return SettingsBlocks(
        {name.casefold(): block for name, block in defaults.items()},
        read_blocks("customSettings", custom_settings),
    )


def read_blocks(where: str, blocks: object) -> dict[str, Block]:
    """Name → block, from an object, or from an array of objects as in the Microsoft tool's documentation."""
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
    """A new block in which `over` has precedence; objects are merged, null is ignored, names are case-insensitive."""
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
    """(warning, suggested fix) for each name in a block that the method does not read."""
    folded = {name.casefold() for name in method.settings}
    return [
        (
            f'{method.name} has no setting "{name}", so it has no effect',
            did_you_mean(name, method.settings).removeprefix("; "),
        )
        for name in block
        if name.casefold() not in folded
    ]
