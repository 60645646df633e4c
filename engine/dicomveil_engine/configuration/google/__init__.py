"""The dialect of Google's Cloud Healthcare API: DeidentifyConfig, v1 and v1beta1.

    message      JSON → fields                filters      v1: keepList, removeList, filterProfile
    tags         names of attributes          actions      v1beta1: actions, options, profile
    profiles     Google's profiles as rules   inspection   text within values and in pixels

docs/dialects/google.md describes the translation, and where it differs from Google.
"""

from __future__ import annotations

from collections.abc import Mapping

from dicomveil_engine.configuration.findings import Findings
from dicomveil_engine.configuration.google.actions import NAMES as TAG_CONFIG_NAMES
from dicomveil_engine.configuration.google.actions import add_tag_config
from dicomveil_engine.configuration.google.filters import NAMES as FILTER_NAMES
from dicomveil_engine.configuration.google.filters import add_filter
from dicomveil_engine.configuration.google.inspection import (
    IMAGE_NAMES,
    TEXT_NAMES,
    dates_of,
    parse_image,
    parse_text,
)
from dicomveil_engine.configuration.google.message import Message
from dicomveil_engine.configuration.google.profiles import EMPTIED
from dicomveil_engine.configuration.translation import Translation
from dicomveil_engine.errors import ConfigurationError

NAMES = (
    "dicom",
    "dicomTagConfig",
    "text",
    "image",
    "fhir",
    "fhirFieldConfig",
    "operationMetadata",
    "useRegionalDataProcessing",
)
"""The fields of DeidentifyConfig."""

_WITHOUT_EFFECT = {
    "fhir": "FHIR resources are not read here",
    "fhirFieldConfig": "FHIR resources are not read here",
    "operationMetadata": "there is no operation to describe",
}


def translate(document: Mapping[str, object], findings: Findings) -> Translation:
    """Translate a DeidentifyConfig to dicomveil's own dialect. Raises ConfigurationError."""
    config = Message("", document, NAMES, findings)
    for name, why in _WITHOUT_EFFECT.items():
        if name in config:
            findings.warn(f'"{name}"', f"it has no effect: {why}", "leave it out")
    config.boolean("useRegionalDataProcessing")  # without effect, since all processing is local
    text, cleaning = parse_text(config.message("text", TEXT_NAMES))
    cleaning["ages"] = "all"  # Google's infotype AGE includes every age
    translation = Translation(
        text=text,
        cleaning=cleaning,
        # Without an ImageConfig, Google does nothing about text in pixels.
        pixels=parse_image(config.message("image", IMAGE_NAMES)) or {"text": "keep"},
    )
    method, settings = dates_of(cleaning, EMPTIED)
    if method == "dateShift":
        # Dates in attributes and in texts are shifted together.
        translation.default_settings["dateShift"] = dict(settings)
    dicom = config.message("dicom", FILTER_NAMES)
    tag_config = config.message("dicomTagConfig", TAG_CONFIG_NAMES)
    if dicom is not None and tag_config is not None:
        raise ConfigurationError('DeidentifyConfig has both "dicom" and "dicomTagConfig"; give one of them')
    if dicom is None and tag_config is None:
        raise ConfigurationError(
            'DeidentifyConfig has neither "dicom" nor "dicomTagConfig", so that every tag would be kept; '
            "give one of them"
        )
    if dicom is not None:
        add_filter(translation, dicom)
    if tag_config is not None:
        add_tag_config(translation, tag_config)
    return translation
