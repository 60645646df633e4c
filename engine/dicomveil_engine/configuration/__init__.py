"""A configuration: what to do with which attributes, as somebody wrote it down.

    document   the file → values             presets    the files that ship
    dialect    which language it is in       settings   what methods are built from
    own        our own → Configuration       rules      tag and method → Rule
    tag_rules, google   theirs → our own     findings   what is odd or wrong about it

`read_configuration` joins them. What a profile means is not known here; what a rule meets is the policy's business.
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
    """Read a configuration in any dialect, given itself or as the path of its file, with the project's keys.

    Raises ConfigurationError, which says where it is wrong and how to fix it, and holds no setting's value; unless
    `findings` collects errors.
    """
    findings = findings or Findings()
    document, name = read_document(config)
    translation = translate(document, recognise(document), findings)
    if translation is None:
        return read_own(document, name, keys, findings)
    configuration = read_own(translation.document, name, keys, findings, translation.places)
    return replace(configuration, text=translation.text)


def to_own_dialect(config: Mapping[str, object] | str | Path) -> dict[str, object]:
    """The configuration in dicomveil's own dialect, whichever it is written in; both give the same decisions.

    A configuration of our own comes back with its keys in the documented spelling and its profile written out.
    Settings are kept, keys among them.

    Raises ConfigurationError for what `read_configuration` refuses.
    """
    read_configuration(config, Keys(bytes(32)))
    document, _ = read_document(config)
    translation = translate(document, recognise(document), Findings())
    if translation is not None:
        return translation.document
    return {"profile": PRESETS[0], **canonical(document, Findings())}
