"""Methods of other packages: one module and one entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_engine import ConfigurationError, deidentify_instance, deidentify_metadata, load_policy
from dicomveil_engine.reports.conformance import conformance_statement
from engine.datasets import KEY, element, instance, read, rule

INITIALS = '''
from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.methods.base import Method, MethodBuilder
from dicomveil_engine.methods.effect import Effect


@dataclass(frozen=True)
class Initials(Method):
    """Keep the first letters."""

    separator: str = ""
    name: ClassVar[str] = "initials"
    action: ClassVar[str] = "C *initials*"

    def effect(self, vr):
        return Effect.CHANGE

    def supports(self, vr):
        return vr == "PN"

    def apply(self, element, context):
        return [self.separator.join(part[:1] for part in text.split("^")) for text in element.values]


BUILDER = MethodBuilder("initials", lambda settings, keys: Initials(**settings), ("separator",))
'''


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, text: str, name: str = "initials") -> None:
    """Install a package with one module and one entry point."""
    (folder / f"{module}.py").write_text(text)
    information = folder / f"{module}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[dicomveil.methods]\n{name} = {module}:BUILDER\n")
    monkeypatch.syspath_prepend(folder)


def test_a_plug_in_acts_in_both_encodings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule names it like any other method, with its settings."""
    install(tmp_path, monkeypatch, "veil_initials", INITIALS)
    policy = load_policy({"profile": "none", "rules": [rule("PN", "Initials", separator=".")]}, KEY)
    output = read(deidentify_instance(instance(element(0x00100010, "PN", "Doe^Jane")), policy))
    metadata = deidentify_metadata([{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}}], policy)

    assert str(output.PatientName) == "D.J"
    assert metadata[0]["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "D.J"}]}
    assert policy.decide(0x00100010, "PN").method.action_on("PN") == "C *initials*"
    assert "| C *initials* | a method of another package; see its documentation |" in conformance_statement([policy])


def test_its_mistyped_settings_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of any method; and what it raises itself is said without the value."""
    install(tmp_path, monkeypatch, "veil_settings", INITIALS)
    with pytest.raises(ConfigurationError) as caught:
        load_policy({"profile": "none", "rules": [rule("PN", "initials", seperator="secret")]}, KEY)

    assert "the plug-in failed with TypeError" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_of_that_name\n", "cannot be loaded: ModuleNotFoundError"),
        ("BUILDER = 1 / 0\n", "cannot be loaded: ZeroDivisionError"),
        ("OTHER = 1\n", "cannot be loaded: AttributeError"),
        ("BUILDER = 1\n", "does not give a MethodBuilder of that name"),
        (INITIALS.replace('MethodBuilder("initials"', 'MethodBuilder("others"'), "does not give a MethodBuilder"),
    ],
)
def test_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str) -> None:
    """A plug-in that cannot be loaded is a mistake in the configuration that names it, and in no other."""
    install(tmp_path, monkeypatch, f"veil_{abs(hash(text))}", text)
    with pytest.raises(ConfigurationError, match=reason):
        load_policy({"profile": "none", "rules": [rule("PN", "initials")]}, KEY)

    assert load_policy({"profile": "none", "rules": [rule("PN", "redact")]}, KEY).warnings == ()


def test_no_plug_in_takes_the_place_of_a_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads `redact` in a configuration knows what it does."""
    install(tmp_path, monkeypatch, "veil_redact", INITIALS, name="Redact")
    with pytest.raises(ConfigurationError, match='has the name of another method, "Redact"'):
        load_policy({"profile": "none", "rules": [rule("PN", "initials")]}, KEY)


def test_unknown_methods_are_told_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of plug-ins stand among the others; none is loaded for it."""
    install(tmp_path, monkeypatch, "veil_broken", "raise SystemExit\n")
    with pytest.raises(ConfigurationError, match=r"known: keep, .*, initials"):
        load_policy({"profile": "none", "rules": [rule("PN", "nothing")]}, KEY)
