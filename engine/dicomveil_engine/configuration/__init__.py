"""Reading configurations: which method is applied to which attributes.

    document   file → values                       presets    the configurations that come with the engine
    dialect    recognising the dialect             settings   the settings of methods
    own        own dialect → Configuration         rules      tag and method → Rule
    tag_rules, google   other dialects → own       findings   errors and warnings

`read_configuration` connects them. `profile` defines what a profile means, and `policy` applies the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dicomveil_engine.configuration.base import Configuration, ProfileName
from dicomveil_engine.configuration.dialect import Dialect, recognise, translate
from dicomveil_engine.configuration.document import read_document
from dicomveil_engine.configuration.findings import Finding, Findings
from dicomveil_engine.configuration.own import canonical, read_own
from dicomveil_engine.configuration.presets import PRESETS
from dicomveil_engine.configuration.rules import Rule
from dicomveil_engine.configuration.schema import configuration_schema
from dicomveil_engine.pseudonyms.keys import Keys

__all__ = [
    "Configuration",
    "Dialect",
    "Finding",
    "Findings",
    "ProfileName",
    "Rule",
    "configuration_schema",
    "read_configuration",
    "to_own_dialect",
]


def read_configuration(
    config: Mapping[str, object] | str | Path, keys: Keys, findings: Findings | None = None
) -> Configuration:
    """Read a configuration in any dialect, given as a mapping or as the path of a file, with the project's keys.

    Raises ConfigurationError, which says what is wrong and how to fix it, and holds no setting's value, unless
    `findings` collects errors.
    """
    findings = findings or Findings()
    document, name = read_document(config, findings)
    translation = translate(document, recognise(document), findings)
    if translation is None:
        return read_own(document, name, keys, findings)
    configuration = read_own(translation.document, name, keys, findings, translation.places)
    return replace(configuration, text=translation.text)


def to_own_dialect(config: Mapping[str, object] | str | Path) -> dict[str, object]:
    """Translate a configuration in any dialect to dicomveil's own; both give the same decisions.

    A configuration in the own dialect is returned with its keys in the documented spelling and an explicit profile.
    Settings are kept, including keys.

    Raises ConfigurationError, as `read_configuration`.
    """
    read_configuration(config, Keys(bytes(32)))
    document, _ = read_document(config)
    translation = translate(document, recognise(document), Findings())
    if translation is not None:
        return translation.document
    return {"profile": PRESETS[0], **canonical(document, Findings())}
