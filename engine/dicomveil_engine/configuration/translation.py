"""What a foreign dialect's document means in dicomveil's own dialect.

A dialect is a reader of its documents that writes a Translation; `own` makes the Configuration of it. So what
another dialect says can always be said in our own, and messages still name the places of the author's file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dicomveil_engine.configuration.rules import Place


@dataclass
class Translation:
    """A document of our own, rule by rule."""

    profile: str = "none"
    """A preset, or what holds without one."""
    options: list[str] = field(default_factory=list)
    default_settings: dict[str, dict[str, object]] = field(default_factory=dict, repr=False)
    rules: list[dict[str, object]] = field(default_factory=list, repr=False)
    places: list[Place] = field(default_factory=list)
    """Where each rule comes from."""
    text: Mapping[str, object] = field(default_factory=dict, repr=False)
    """What the document says of text within values."""
    cleaning: dict[str, object] = field(default_factory=dict, repr=False)
    """The same, as our own key "text" writes it."""
    pixels: object = None
    """What it says of text burnt into pixels, as our own key "pixels" writes it."""

    def add(
        self,
        label: str,
        tag: str,
        method: str,
        params: Mapping[str, object] | None = None,
        *,
        is_generated: bool = False,
    ) -> None:
        """Add a rule behind the others; `label` is what messages call its place."""
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
