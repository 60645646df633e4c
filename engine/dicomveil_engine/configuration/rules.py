"""The rules of a configuration: which method is applied to which elements.

A rule is an object {"tag", "method", "setting", "params"}, as in the Microsoft tool. Rules are in the order of their
file; the policy applies the first one that matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.attributes.tags import TagPattern, parse_pattern
from dicomveil_engine.configuration.findings import Findings, shortened
from dicomveil_engine.configuration.microsoft import Compatibility
from dicomveil_engine.configuration.settings import SettingsBlocks, unknown_names
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import Method
from dicomveil_engine.pseudonyms.keys import Keys

RULE_NAMES = ("tag", "method", "setting", "params")

_NEVER_REACHED_GROUPS = {
    0x0000: "commands are not part of an instance",
    0x0002: "file meta information is always rewritten",
    0x0004: "directory records are not part of an instance",
}
_NEVER_REACHED_TAGS = {
    0x00080005: "Specific Character Set is always kept",
    0x04000561: "Original Attributes Sequence, which holds what was there before, is always removed",
    0xFFFAFFFA: "digital signatures are always removed",
    0xFFFCFFFC: "trailing padding is always removed",
}
"""Attributes on which the policy decides before the rules → why."""


class Place(NamedTuple):
    """The location of a rule in the document that its author wrote."""

    label: str
    """Such as `rule 3`, or `keepList 3` in another dialect."""
    is_generated: bool = False
    """Whether it was not written as a rule, so that no warning is needed if it has no effect."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One method for the elements of one pattern."""

    number: int
    """Its number among all rules, from 1."""
    pattern: TagPattern
    method: Method
    label: str
    """Its name in messages, e.g. `rule 3 (0010,0010) redact`."""
    is_presets: bool = False
    """Whether it is a rule of a preset: if its method does not support an element's VR, the profile decides."""


class RuleReader:
    """Reads the rules of configurations."""

    def __init__(
        self,
        settings: SettingsBlocks,
        keys: Keys,
        findings: Findings | None = None,
        compatibility: Compatibility | None = None,
    ) -> None:
        self._compatibility = compatibility or Compatibility()
        self._methods = self._compatibility.methods
        self._written = self._settings = settings
        self._keys = keys
        self._is_presets = False
        self.findings = findings or Findings()
        """Warnings about the rules read so far, and errors if these are collected."""

    def read(
        self, rules: object, *, first: int = 1, source: str = "", places: Sequence[Place] = ()
    ) -> tuple[Rule, ...]:
        """The rules of one file, numbered from `first`; `source` is a prefix of their labels.

        `places` gives the location of each rule, if that is not just its number.

        Raises ConfigurationError, which names the rule's location, the key and how to fix it.
        """
        if not isinstance(rules, list | tuple):
            raise ConfigurationError('"rules" must be an array of objects {"tag": ..., "method": ...}')
        self._settings = self._compatibility.settings(self._written, self.findings)
        self._is_presets = bool(source)
        earlier: list[Rule] = []
        for index, written in enumerate(rules):
            place = places[index] if places else Place(f"{source}rule {index + 1}")
            rule = self._rule(first + len(earlier), place.label, written)
            if rule is None:
                continue
            if not place.is_generated:
                self._warn_of_no_effect(rule, earlier)
                self._warn_of_refusals(rule, earlier)
            earlier.append(rule)
        return tuple(earlier)

    def _rule(self, number: int, label: str, written: object) -> Rule | None:
        """The rule; None if it is wrong and errors are collected."""
        if not isinstance(written, Mapping):
            self.findings.refuse(label, 'it must be an object {"tag": ..., "method": ...}')
            return None
        for name in written:
            if name not in RULE_NAMES:
                suggestion = did_you_mean(str(name), RULE_NAMES) or f" (known: {', '.join(RULE_NAMES)})"
                self.findings.refuse(label, f'a rule has no "{name}"{suggestion}')
        try:
            pattern = parse_pattern(_text(written, "tag"))
            label = f"{label} {pattern.text}"
            method = self._method(label, written)
            self._refuse_inapplicable(method, pattern)
        except ConfigurationError as error:
            self.findings.refuse(label, str(error))
            return None
        return Rule(number, pattern, method, f"{label} {method.name}", self._is_presets)

    def _method(self, label: str, written: Mapping[str, object]) -> Method:
        name = _text(written, "method")
        method = self._methods.get(name.casefold())
        if method is None:
            known = ", ".join(self._methods.names())
            suggestion = did_you_mean(name, self._methods)
            raise ConfigurationError(f'there is no method "{shortened(name)}"{suggestion} (known: {known})')
        setting, params = written.get("setting"), written.get("params")
        if not isinstance(setting, str | None):
            raise ConfigurationError('"setting" must be the name of an entry in customSettings')
        if not isinstance(params, Mapping | None):
            raise ConfigurationError('"params" must be an object, such as {"span": 1}')
        settings = self._settings.resolve(method.name, setting, params)
        own = params or {} if setting is None else settings
        for what, suggestion in unknown_names(method, own):
            self.findings.warn(label, what, suggestion)
        return method.build(settings, self._keys)

    def _refuse_inapplicable(self, method: Method, pattern: TagPattern) -> None:
        """Refuse a method that supports none of the VRs that the rule's attribute may have."""
        vrs = _vrs_of(pattern)
        supported = [vr for vr in vrs if method.supports(vr)]
        if vrs and not supported:
            defaults = (known.build({}, self._keys) for known in self._methods.own.values())
            names = ", ".join(known.name for known in defaults if any(map(known.supports, vrs)))
            attribute = "" if pattern.tag is None else f" ({dictionary.describe(pattern.tag)})"
            raise ConfigurationError(
                f"{method.name} cannot be applied to VR {' or '.join(vrs)}{attribute}; these can: {names}"
            )
        if supported:
            method.check(supported[0])

    def _warn_of_no_effect(self, rule: Rule, earlier: Sequence[Rule]) -> None:
        why = _never_reached(rule.pattern)
        if why:
            self.findings.warn(rule.label, f"can never apply: {why}", "leave it out")
        elif covering := _covering(rule.pattern, earlier):
            names, verb = " and ".join(covering), "comes" if len(covering) == 1 else "come"
            self.findings.warn(rule.label, f"can never apply: {names} {verb} first", "move it up, or leave it out")

    def _warn_of_refusals(self, rule: Rule, earlier: Sequence[Rule]) -> None:
        """Warn about a mask that matches an attribute of an unsupported VR, with which instances are refused."""
        pattern, method = rule.pattern, rule.method
        if pattern.tag is not None or pattern.vr is not None or all(map(method.supports, dictionary.VRS)):
            return
        for tag, vrs in _attributes():
            # If a mask matches a sequence, the policy applies the rule to the elements in it.
            if pattern.matches(tag, vrs[0], None) and not any(vr == "SQ" or method.supports(vr) for vr in vrs):
                if any(other.pattern.matches(tag, vrs[0], None) for other in earlier):
                    continue
                what = f"{method.name} cannot be applied to {dictionary.describe(tag, vrs[0])}"
                self.findings.warn(rule.label, f"{what}: instances that have it are refused", "put a rule for it first")
                return


@cache
def _attributes() -> tuple[tuple[int, tuple[str, ...]], ...]:
    """The attributes of PS3.6 that rules can be applied to, with their VRs, by tag."""
    tags = {tag for keyword in dictionary.keywords() if (tag := dictionary.tag_of(keyword)) is not None}
    reached = sorted(tag for tag in tags - _NEVER_REACHED_TAGS.keys() if tag >> 16 not in _NEVER_REACHED_GROUPS)
    return tuple((tag, vrs) for tag in reached if (vrs := dictionary.vrs_of(tag)))


def _vrs_of(pattern: TagPattern) -> tuple[str, ...]:
    """The VRs that an element of the pattern may have; empty when unknown."""
    if pattern.vr is not None:
        return (pattern.vr,)
    return () if pattern.tag is None else dictionary.vrs_of(pattern.tag)


def _never_reached(pattern: TagPattern) -> str:
    """Why rules are not applied to any element of the pattern; empty if they are."""
    if pattern.group in _NEVER_REACHED_GROUPS:
        return _NEVER_REACHED_GROUPS[pattern.group]
    if pattern.tag in _NEVER_REACHED_TAGS:
        return _NEVER_REACHED_TAGS[pattern.tag]
    if pattern.vr is None and pattern.mask & 0xFFFF == 0xFFFF and pattern.value & 0xFFFF == 0:
        return "group lengths are always removed"  # PS3.5 Section 7.2
    return ""


def _covering(pattern: TagPattern, earlier: Iterable[Rule]) -> list[str]:
    """The labels of earlier rules that match all elements of the pattern; empty if there are none.

    A tag is also covered by rules for each of its VRs in PS3.6.
    """
    missing = set() if pattern.vr is not None else set(_vrs_of(pattern))
    by_vr: list[str] = []
    for rule in earlier:
        if rule.pattern.covers(pattern):
            return [rule.label]
        if rule.pattern.vr in missing:
            missing.discard(rule.pattern.vr)
            by_vr.append(rule.label)
            if not missing:
                return by_vr
    return []


def _text(written: Mapping[str, object], name: str) -> str:
    """A required string of a rule."""
    value = written.get(name)
    if value is None:
        raise ConfigurationError(f'"{name}" is missing')
    if not isinstance(value, str):
        raise ConfigurationError(f'"{name}" must be a string')
    return value
