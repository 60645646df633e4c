"""The pages for those who configure: they say what the code says, and their examples work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from dicomveil_engine import ConfigurationError, load_policy
from dicomveil_engine.attributes.dictionary import VRS
from dicomveil_engine.configuration import jsonc
from dicomveil_engine.configuration.presets import PRESETS
from dicomveil_engine.configuration.settings import SETTING_NAMES
from dicomveil_engine.methods import METHODS
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_proxy.settings.access import TABLES, AccessSettings, AuditSettings, OIDCSettings, TLSSettings
from dicomveil_proxy.settings.server import Limits, Settings, load_settings
from dicomveil_proxy.settings.telemetry import TELEMETRY

DOCS = Path(__file__).resolve().parents[2] / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text(encoding="utf-8")
POLICY = (DOCS / "policy.md").read_text(encoding="utf-8")
KEY = bytes(32)

_SETTING = re.compile(r"^\| `(\w+)` \| `(\w+)` \| `?(.*?)`? \| \S", re.MULTILINE)
_METHOD = re.compile(r"^\| `(\w+)` \| (all|all but SQ|[A-Z ]+) \| \S", re.MULTILINE)
_EXAMPLE = re.compile(r"```json(?: (\w+))?\n(.*?)```(?:\n+```text\n(.*?)\n```)?", re.DOTALL)


def settings_of(model: type[BaseModel], prefix: str) -> list[tuple[str, str, str]]:
    """Name, variable and default of each setting, as the page must have them."""
    return [
        (name, prefix + name.upper(), _default(field.get_default(), required=field.is_required()))
        for name, field in model.model_fields.items()
        if name not in {"limits", "filter", "projects", *TABLES, *TELEMETRY}
    ]


def _default(value: object, *, required: bool) -> str:
    if required:
        return "required"
    return "none" if value in (None, ()) else str(value)


def test_every_setting_is_documented_with_its_default() -> None:
    """All of them, no others, in the order of the code."""
    documented = _SETTING.findall(CONFIGURATION)

    assert documented == settings_of(Settings, "DICOMVEIL_") + settings_of(Limits, "DICOMVEIL_LIMITS__")


@pytest.mark.parametrize("model", [AccessSettings, AuditSettings, OIDCSettings, TLSSettings, *TELEMETRY.values()])
def test_every_setting_of_access_is_documented(model: type[BaseModel]) -> None:
    """In a table of its own, by its name."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", CONFIGURATION, re.MULTILINE)
    documented = set(re.findall(r"\w+", " ".join(rows)))

    assert set(model.model_fields) - {"oidc"} <= documented


def test_the_settings_file_of_the_page_is_read(tmp_path: Path) -> None:
    """As it stands there."""
    match = re.search(r"```toml\n(.*?)```", CONFIGURATION, re.DOTALL)
    assert match
    file = tmp_path / "dicomveil.toml"
    file.write_text(match[1])

    assert load_settings(file).limits.origin_read_seconds == 120


def test_every_method_is_documented_with_its_vrs() -> None:
    """A VR that the page promises is one that the method takes."""
    documented = {
        name: set(VRS) if vrs.startswith("all") else set(vrs.split()) for name, vrs in _METHOD.findall(POLICY)
    }
    methods = [method.build({}, Keys(KEY)) for method in METHODS.values()]

    assert documented.pop("dummy") - {"SQ"} == {vr for vr in VRS if METHODS["dummy"].build({}, Keys(KEY)).supports(vr)}
    assert documented == {
        method.name: {vr for vr in VRS if method.supports(vr)} for method in methods if method.name != "dummy"
    }


def test_every_method_setting_and_preset_is_documented() -> None:
    """By its name."""
    names = [name for names in SETTING_NAMES.values() for name in names]

    assert [name for name in names if f"`{name}`" not in POLICY] == []
    assert [name for name in PRESETS if f'`"{name}"`' not in POLICY] == []


@pytest.mark.parametrize(("kind", "text", "message"), _EXAMPLE.findall(POLICY))
def test_every_example_does_what_the_page_says(kind: str, text: str, message: str) -> None:
    """It is read without a warning, or refused, or warned of, in the words that stand below it."""
    document = jsonc.parse(text)
    assert isinstance(document, dict)
    if kind == "refused":
        with pytest.raises(ConfigurationError, match=rf"^{re.escape(message)}$"):
            load_policy(document, KEY)
    else:
        assert load_policy(document, KEY).warnings == ((message,) if kind == "warned" else ())
