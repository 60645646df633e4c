"""The settings that methods are built from."""

from __future__ import annotations

import pytest

from dicomveil_engine.configuration.settings import (
    SETTING_NAMES,
    SettingsBlocks,
    merge,
    read_blocks,
    read_settings,
    unknown_names,
)
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods import METHODS

SETTINGS = read_settings({"Perturb": {"span": 1, "roundTo": 2}}, {"mine": {"span": 9}})


def test_setting_names_are_known_for_every_method() -> None:
    """A method that is new here would have no check of its settings' names."""
    assert SETTING_NAMES.keys() == METHODS.keys()


def test_params_win_over_the_default_and_the_default_stays() -> None:
    """In the Microsoft tool a rule's params leak into the rules that follow."""
    assert SETTINGS.resolve("perturb", params={"Span": 5, "roundTo": None}) == {"Span": 5, "roundTo": 2}
    assert SETTINGS.resolve("perturb") == {"span": 1, "roundTo": 2}


def test_a_custom_setting_replaces_the_default() -> None:
    """The default block is not merged in."""
    assert SETTINGS.resolve("perturb", "mine") == {"span": 9}
    assert SETTINGS.resolve("perturb", "mine", {"roundTo": 1}) == {"span": 9, "roundTo": 1}


def test_a_method_without_a_default_has_its_params_alone() -> None:
    """No block at all is not an error; the method has defaults of its own."""
    assert SETTINGS.resolve("redact", params={"a": 1}) == {"a": 1}


def test_an_unknown_setting_is_refused() -> None:
    """Names of custom settings are taken literally, case too."""
    with pytest.raises(ConfigurationError, match='has no "Mine"; did you mean "mine"'):
        SETTINGS.resolve("perturb", "Mine")


def test_settings_lie_over_others_block_by_block() -> None:
    """A file's block for a method replaces that of its preset."""
    preset = SettingsBlocks({"perturb": {"span": 3, "rangeType": "Fixed"}, "redact": {}}, {"other": {}})
    joined = SETTINGS.over(preset)

    assert joined.defaults == {"perturb": {"span": 1, "roundTo": 2}, "redact": {}}
    assert joined.custom.keys() == {"mine", "other"}


def test_merge_goes_into_objects() -> None:
    """Objects are merged, everything else is replaced, and null says nothing."""
    merged = merge({"a": {"b": 1, "c": 2}, "d": [1]}, {"A": {"C": 3}, "d": [2], "e": None})

    assert merged == {"A": {"b": 1, "C": 3}, "d": [2]}


def test_blocks_may_be_an_array() -> None:
    """The Microsoft tool's documentation shows arrays of objects."""
    assert read_blocks("x", [{"perturb": {"span": 1}}, {"redact": {}}]) == {
        "perturb": {"span": 1},
        "redact": {},
    }
    assert read_blocks("x", None) == {}


@pytest.mark.parametrize("blocks", ["secret", [["secret"]], {"encrypt": "secret"}])
def test_blocks_of_a_wrong_type_are_refused_without_their_content(blocks: object) -> None:
    """What stands in the wrong place may be a key."""
    with pytest.raises(ConfigurationError, match="must be an object") as error:
        read_blocks("defaultSettings", blocks)

    assert "secret" not in str(error.value)


def test_unknown_names_are_noticed_without_their_values() -> None:
    """A mistyped setting has no effect, and its writer should know."""
    assert unknown_names(METHODS["perturb"], {"SPAN": 1, "roundto": 2}) == []
    assert unknown_names(METHODS["encrypt"], {"encryptkeys": "secret"}) == [
        ('encrypt has no setting "encryptkeys", so it has no effect', 'did you mean "encryptKey"?')
    ]


def test_settings_do_not_show_themselves() -> None:
    """A traceback prints objects by their repr."""
    assert "secret" not in repr(read_settings({"encrypt": {"encryptKey": "secret"}}, {"mine": {"k": "secret"}}))
