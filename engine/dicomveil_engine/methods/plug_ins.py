"""Methods of other packages: entry points of the group `dicomveil.methods`, each a `MethodBuilder`.

A plug-in is imported when a configuration names it. If it cannot be loaded, that is a configuration error: without it,
less would be protected than the configuration asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import Method, MethodBuilder
from dicomveil_engine.pseudonyms.keys import Keys

GROUP = "dicomveil.methods"


class WithPlugIns(Mapping[str, MethodBuilder]):
    """Lower-case name → builder: dicomveil's own methods, then those of installed plug-ins."""

    def __init__(self, own: Mapping[str, MethodBuilder]) -> None:
        self.own = own
        """dicomveil's own methods."""

    def __getitem__(self, name: str) -> MethodBuilder:
        """The builder of a method. Raises ConfigurationError if its plug-in cannot be loaded."""
        return self.own[name] if name in self.own else _loaded(self._installed[name])

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from self._installed

    def __len__(self) -> int:
        return len(self.own) + len(self._installed)

    def names(self) -> list[str]:
        """The names as written, without loading plug-ins."""
        return [method.name for method in self.own.values()] + [point.name for point in self._installed.values()]

    @cached_property
    def _installed(self) -> dict[str, EntryPoint]:
        installed: dict[str, EntryPoint] = {}
        for point in entry_points(group=GROUP):
            name = point.name.casefold()
            if name in self.own or name in installed:
                raise ConfigurationError(f'the plug-in {point.value} has the name of another method, "{point.name}"')
            installed[name] = point
        return installed


def _loaded(point: EntryPoint) -> MethodBuilder:
    try:
        builder = point.load()
    except Exception as error:  # noqa: BLE001 - another package's module may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise ConfigurationError(f'the plug-in for the method "{point.name}" cannot be loaded: {reason}') from None
    if type(builder) is not MethodBuilder or builder.name.casefold() != point.name.casefold():
        raise ConfigurationError(
            f'the plug-in for the method "{point.name}" does not give a MethodBuilder of that name, but {point.value}'
        )

    def build(settings: Mapping[str, object], keys: Keys) -> Method:
        try:
            return builder.build(settings, keys)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - the message may quote a setting, which may be a key
            raise ConfigurationError(f"{builder.name}: the plug-in failed with {type(error).__name__}") from None

    return replace(builder, build=build)
