"""Lint: everything that is wrong or odd about a configuration, in one pass, without a key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dicomveil_engine.configuration import Finding, Findings, read_configuration
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.policy import Policy
from dicomveil_engine.pseudonyms.keys import Keys


def lint(config: Mapping[str, object] | str | Path) -> list[Finding]:
    """What the author of a configuration should know, in any dialect: errors, unknown keys, rules without effect.

    An empty list means that the configuration loads and each part of it has an effect. Nothing is raised for a
    wrong configuration: an error is a finding too. No finding holds a setting's value.
    """
    findings = Findings(collects_errors=True)
    keys = Keys(bytes(32))
    try:
        configuration = read_configuration(config, keys, findings)
        if not any(finding.is_error for finding in findings.all):
            Policy(configuration, keys)
    except ConfigurationError as error:
        findings.all.append(Finding("", str(error), is_error=True))
    return findings.all
