"""The preset `microsoft`: the rules that the tool ships with, written by a script from its own file."""

from __future__ import annotations

import importlib.util
import re
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

from dicomveil_engine import Policy, load_policy
from dicomveil_engine.attributes.dictionary import VRS
from dicomveil_engine.configuration import jsonc, presets, read_configuration
from dicomveil_engine.pseudonyms.keys import Keys
from engine.datasets import KEY
from engine.microsoft_answers import configuration, policy

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "generate_microsoft_preset.py"
SHIPPED = "microsoft_default_configuration.json"


def script() -> ModuleType:
    """The generator, which is not part of a package."""
    specification = importlib.util.spec_from_file_location("generate_microsoft_preset", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_preset_is_what_the_script_writes(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has edited it by hand."""
    generator = script()
    monkeypatch.setattr(generator, "TARGET", tmp_path / "microsoft.json")
    generator.main(str(shared / "vectors" / SHIPPED))

    shipped = files("dicomveil_engine").joinpath("presets", "microsoft.json").read_text(encoding="utf-8")
    assert (tmp_path / "microsoft.json").read_text(encoding="utf-8") == shipped


@pytest.mark.usefixtures("shared")
def test_it_decides_as_the_shipped_configuration() -> None:
    """For each tag that a rule names, each VR, and tags that none names, nested in masks or not."""
    ours, theirs = load_policy({"profile": "microsoft"}, KEY), policy(SHIPPED)
    tags = {int(re.sub("x", "2", re.sub(r"\W", "", rule["tag"])), 16) for rule in configuration(SHIPPED)["rules"][:-15]}
    tags |= {0x50003000, 0x60003000, 0x60044000, 0x00080012, 0x00180050, 0x00091001, 0x00010001, 0x70010010}

    assert [tag for tag in sorted(tags) if decided(ours, tag) != decided(theirs, tag)] == []


def decided(policy: Policy, tag: int) -> list[tuple[str, object]]:
    """Method and text by VR; keys, which the preset leaves out, do not count."""
    methods = [policy.decide(tag, vr, "ACME" if tag >> 16 & 1 else None).method for vr in sorted(VRS)]
    return [(method.name, getattr(method, "replace_with", None)) for method in methods]


def test_it_claims_nothing_and_holds_no_key() -> None:
    """What no rule names is kept, so that the result does not say it is de-identified; keys are the project's."""
    document = presets.load_preset("microsoft")
    read = read_configuration({"profile": "microsoft"}, Keys(KEY))

    assert (document["profile"], document["compatibility"]) == ("none", "microsoft")
    assert "Key" not in str(document["defaultSettings"])
    assert load_policy({"profile": "microsoft"}, KEY).claims is None
    assert read.warnings == ()
    assert len(read.rules) == 311


def test_compatibility_can_be_turned_off_above_it() -> None:
    """Then the same rules do what they do everywhere else."""
    (first, *_) = read_configuration({"profile": "microsoft", "compatibility": "none"}, Keys(KEY)).rules

    assert type(first.method).__name__ == "Redact"


def test_its_comments_name_the_attributes() -> None:
    """A reader need not look up tags."""
    text = files("dicomveil_engine").joinpath("presets", "microsoft.json").read_text(encoding="utf-8")

    assert '{"tag": "(0010,0010)", "method": "redact"}, // PatientName' in text
    assert jsonc.parse(text) == presets.load_preset("microsoft")
