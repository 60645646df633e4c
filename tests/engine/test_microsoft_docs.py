"""docs/dialects/microsoft.md: its examples do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicomveil_engine import load_policy
from dicomveil_engine.configuration import jsonc
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.microsoft import MICROSOFT_METHODS
from engine.datasets import KEY

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "dialects" / "microsoft.md").read_text(encoding="utf-8")
_EXAMPLE = re.compile(r"```json(?: (\w+))?\n(.*?)```(?:\n+```text\n(.*?)\n```)?", re.DOTALL)


@pytest.mark.parametrize(("kind", "text", "message"), _EXAMPLE.findall(PAGE))
def test_every_example_does_what_the_page_says(kind: str, text: str, message: str) -> None:
    """It is read without a warning, or warned of in the words that stand below it."""
    document = jsonc.parse(text)
    assert isinstance(document, dict)

    assert load_policy(document, KEY).warnings == ((message,) if kind == "warned" else ())


def test_every_method_of_that_tool_is_on_the_page() -> None:
    """Those that differ under compatibility have a row."""
    differing = [method.name for name, method in MICROSOFT_METHODS.items() if method is not METHODS[name]]

    assert len(differing) == 6
    assert [name for name in differing if f"| `{name}` |" not in PAGE] == []
