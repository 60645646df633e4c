"""The translation of a document from another dialect to dicomveil's own.

The reader of a dialect makes a Translation, from which `own` makes the Configuration. So everything in another dialect
can be expressed in the own one, and messages still name locations in the author's file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dicomveil_engine.configuration.rules import Place


@dataclass
class Translation:
    """A document in dicomveil's own dialect, rule by rule."""

    profile: str = "none"
    """A preset or profile."""
    options: list[str] = field(default_factory=list)
    default_settings: dict[str, dict[str, object]] = field(default_factory=dict, repr=False)
    rules: list[dict[str, object]] = field(default_factory=list, repr=False)
    places: list[Place] = field(default_factory=list)
    """The location of each rule."""
    text: Mapping[str, object] = field(default_factory=dict, repr=False)
    """The document's settings for text within values, as written."""
    cleaning: dict[str, object] = field(default_factory=dict, repr=False)
    """The same as the key "text"."""
    pixels: object = None
    """The document's settings for text burnt into pixels as the key "pixels"."""

    def add(
        self,
        label: str,
        tag: str,
        method: str,
        params: Mapping[str, object] | None = None,
        *,
        is_generated: bool = False,
    ) -> None:
        """Add a rule after the others; `label` is its location in messages."""
        rule: dict[str, object] = {"tag": tag, "method": method}
        if params:
            rule["params"] = dict(params)
        self.rules.append(rule)
        self.places.append(Place(label, is_generated))

    @property
    def document(self) -> dict[str, object]:
        """The document in dicomveil's own dialect."""
        document: dict[str, object] = {"profile": self.profile}
        if self.options:
            document["options"] = self.options
        if self.default_settings:
            document["defaultSettings"] = self.default_settings
        if self.pixels is not None:
            document["pixels"] = self.pixels
        if self.cleaning:
            document["text"] = self.cleaning
        if self.rules:
            document["rules"] = self.rules
        return document
