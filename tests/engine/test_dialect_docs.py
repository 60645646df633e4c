"""The pages about other dialects: their samples do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicomveil_engine import ConfigurationError, configuration_schema, lint, load_policy
from dicomveil_engine.configuration import jsonc
from dicomveil_engine.configuration.google.actions import METHODS
from dicomveil_engine.configuration.google.filters import NAMES
from dicomveil_engine.configuration.google.profiles import PROFILES
from dicomveil_engine.configuration.tag_rules import METHOD_NAMES, SCOPES
from engine.json_schema import is_valid

DOCS = Path(__file__).resolve().parents[2] / "docs"
GOOGLE = (DOCS / "dialects" / "google.md").read_text(encoding="utf-8")
TAG_RULES = (DOCS / "dialects" / "tag_rules.md").read_text(encoding="utf-8")
POLICY = (DOCS / "policy.md").read_text(encoding="utf-8")
SCHEMA = configuration_schema()

_EXAMPLE = re.compile(r"```json(?: (\w+))?\n(.*?)```(?:\n+```text\n(.*?)\n```)?", re.DOTALL)


@pytest.mark.parametrize(("kind", "text", "message"), _EXAMPLE.findall(GOOGLE) + _EXAMPLE.findall(TAG_RULES))
def test_every_example_does_what_the_page_says(kind: str, text: str, message: str) -> None:
    """It is read, or refused, or warned of, in the words that stand below it."""
    document = jsonc.parse(text)
    assert isinstance(document, dict)
    if kind == "refused":
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            load_policy(document, bytes(32))
        assert [str(finding) for finding in lint(document) if finding.is_error] == [message]
    else:
        assert load_policy(document, bytes(32)).warnings == ((message,) if kind == "warned" else ())


@pytest.mark.parametrize(
    "text",
    [
        text
        for kind, text, _ in _EXAMPLE.findall(GOOGLE) + _EXAMPLE.findall(TAG_RULES) + _EXAMPLE.findall(POLICY)
        if kind != "refused"
    ],
)
def test_every_example_that_is_read_is_valid(text: str) -> None:
    """For the JSON Schema that editors use."""
    assert is_valid(jsonc.parse(text), SCHEMA, SCHEMA)


def test_every_name_is_documented() -> None:
    """Fields, profiles, actions, methods and scopes."""
    assert [name for name in (*NAMES, *PROFILES, *METHODS) if f"`{name}`" not in GOOGLE] == []
    assert [name for name in (*PROFILES, *METHOD_NAMES, *SCOPES) if f"`{name}`" not in TAG_RULES] == []
