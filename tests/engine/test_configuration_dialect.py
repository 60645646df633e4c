"""Which dialect a configuration is written in."""

from __future__ import annotations

import pytest

from dicomveil_engine.configuration.dialect import Dialect, recognise
from dicomveil_engine.errors import ConfigurationError


@pytest.mark.parametrize(
    ("document", "dialect"),
    [
        ({}, Dialect.OWN),
        ({"rules": []}, Dialect.OWN),
        ({"Profile": "basic", "unknown": 1}, Dialect.OWN),
        ({"rules": [], "dicom": None}, Dialect.OWN),
        ({"compatibility": "microsoft"}, Dialect.OWN),
        ({"dicomTagRules": []}, Dialect.TAG_RULES),
        ({"PARAMETERS": {}}, Dialect.TAG_RULES),
        ({"dicom": {}}, Dialect.GOOGLE),
        ({"dicom_tag_config": {}, "text": {}}, Dialect.GOOGLE),
        ({"image": {}}, Dialect.GOOGLE),
    ],
)
def test_a_dialect_is_known_by_its_keys(document: dict[str, object], dialect: Dialect) -> None:
    """In any case; a key that is null is absent."""
    assert recognise(document) is dialect


def test_a_request_is_no_configuration() -> None:
    """Its parts would be passed over as unknown keys."""
    with pytest.raises(ConfigurationError, match='give the object that it has in "config"'):
        recognise({"destinationStore": "projects/p", "config": {"dicom": {}}})


@pytest.mark.parametrize(
    "document",
    [
        {"rules": [], "dicom": {}},
        {"defaultSettings": {}, "DicomTagRules": []},
        {"TagProfile": "KEEP_ALL_PROFILE", "dicomTagConfig": {}},
        {"profile": "basic", "image": {}},
    ],
)
def test_mixed_shapes_are_refused(document: dict[str, object]) -> None:
    """Half of what it asks for would not be noticed."""
    first, second = document
    with pytest.raises(ConfigurationError, match=f'"{first}" belongs to .*"{second}" belongs to .*write it in one'):
        recognise(document)
