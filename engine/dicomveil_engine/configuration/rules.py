"""The rules of a configuration: which method for which elements.

A rule is an object {"tag", "method", "setting", "params"}, as in the Microsoft tool. Rules keep the order of
their file; that the first one wins is the policy's doing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dicomveil_engine import dictionary
from dicomveil_engine.configuration.settings import Settings, unknown_names
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.keys import Keys
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.base import Method
from dicomveil_engine.suggestions import did_you_mean
from dicomveil_engine.tags import TagPattern, parse_pattern

RULE_NAMES = ("tag", "method", "setting", "params")

_NEVER_REACHED = {
    0x0000: "commands are no part of an instance",
    0x0002: "file meta information is always written anew",
}
"""Groups that no rule reaches, and why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One method for the elements of one pattern."""

    number: int
    """Its place in the order of all rules, from 1."""
    pattern: TagPattern
    method: Method
    label: str
    """What messages call it, e.g. `rule 3 (0010,0010) redact`."""


class RuleReader:
    """Rules as a configuration writes them → rules that can be applied."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self.warnings: list[str] = []
        """What is odd about the rules read so far, but no error."""

    def read(self, rules: object, *, first: int = 1, source: str = "") -> tuple[Rule, ...]:
        """The rules of one file, numbered from `first`; `source` stands before their labels.

        Raises ConfigurationError with the rule's place in its file, the key and how to mend it.
        """
        if not isinstance(rules, list | tuple):
            raise ConfigurationError('"rules" must be an array of objects {"tag": ..., "method": ...}')
        earlier: list[Rule] = []
        for place, written in enumerate(rules, 1):
            rule = self._rule(first + place - 1, f"{source}rule {place}", written)
            self._warn_of_no_effect(rule, earlier)
            earlier.append(rule)
        return tuple(earlier)

    def _rule(self, number: int, label: str, written: object) -> Rule:
        if not isinstance(written, Mapping):
            raise ConfigurationError(f'{label} must be an object {{"tag": ..., "method": ...}}')
        for name in written:
            if name not in RULE_NAMES:
                mend = did_you_mean(str(name), RULE_NAMES) or f" (known: {', '.join(RULE_NAMES)})"
                raise ConfigurationError(f'{label}: a rule has no "{name}"{mend}')
        try:
            pattern = parse_pattern(_text(written, "tag"))
            label = f"{label} {pattern.text}"
            method = self._method(label, written)
            self._refuse_inapplicable(method, pattern)
        except ConfigurationError as error:
            raise ConfigurationError(f"{label}: {error}") from None
        return Rule(number, pattern, method, f"{label} {method.name}")

    def _method(self, label: str, written: Mapping[str, object]) -> Method:
        name = _text(written, "method")
        method = METHODS.get(name.casefold())
        if method is None:
            known = ", ".join(known.name for known in METHODS.values())
            raise ConfigurationError(f'there is no method "{name}"{did_you_mean(name, METHODS)} (known: {known})')
        setting, params = written.get("setting"), written.get("params")
        if not isinstance(setting, str | None):
            raise ConfigurationError('"setting" must be the name of an entry in customSettings')
        if not isinstance(params, Mapping | None):
            raise ConfigurationError('"params" must be an object, such as {"span": 1}')
        settings = self._settings.resolve(method.name, setting, params)
        own = params or {} if setting is None else settings
        self.warnings += (f"{label}: {warning}" for warning in unknown_names(method.name, own))
        return method.from_settings(settings, self._keys)

    def _refuse_inapplicable(self, method: Method, pattern: TagPattern) -> None:
        """Refuse a method without a meaning for what the rule meets: it could only fail later."""
        vrs: tuple[str, ...] = (pattern.vr,) if pattern.vr else ()
        if pattern.tag is not None:
            vrs = dictionary.vrs_of(pattern.tag)
        supported = [vr for vr in vrs if method.supports(vr)]
        if vrs and not supported:
            defaults = (known.from_settings({}, self._keys) for known in METHODS.values())
            names = ", ".join(known.name for known in defaults if any(map(known.supports, vrs)))
            attribute = "" if pattern.tag is None else f" ({dictionary.describe(pattern.tag)})"
            raise ConfigurationError(
                f"{method.name} cannot be applied to VR {' or '.join(vrs)}{attribute}; these can: {names}"
            )
        check = getattr(method, "check", None)
        if check is not None and supported:
            check(supported[0])

    def _warn_of_no_effect(self, rule: Rule, earlier: list[Rule]) -> None:
        if rule.pattern.group in _NEVER_REACHED:
            why = _NEVER_REACHED[rule.pattern.group]
            self.warnings.append(f"{rule.label} can never apply: {why}")
        for other in earlier:
            if other.pattern.covers(rule.pattern):
                self.warnings.append(f"{rule.label} can never apply: {other.label} comes first")
                return


def _text(written: Mapping[str, object], name: str) -> str:
    """A string that a rule must have."""
    value = written.get(name)
    if value is None:
        raise ConfigurationError(f'"{name}" is missing')
    if not isinstance(value, str):
        raise ConfigurationError(f'"{name}" must be a string')
    return value
