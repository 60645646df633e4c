"""What a configuration says about the cleaning of texts: the key "text".

{"text": {"regions": ["DE", "AT"], "ages": "all"}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.text.settings import TextSettings

NAMES = ("regions", "ages")
AGES = {"over89": False, "all": True}


def read_cleaning(value: object, beneath: TextSettings) -> TextSettings:
    """The settings that "text" writes, over those of a preset. Raises ConfigurationError naming the setting."""
    if not isinstance(value, Mapping):
        raise ConfigurationError('"text" must be an object')
    folded = {name.casefold(): name for name in NAMES}
    settings = beneath
    for written, one in value.items():
        name = folded.get(str(written).casefold())
        if name == "regions":
            settings = replace(settings, regions=_regions(one))
        elif name == "ages":
            if not isinstance(one, str) or one not in AGES:
                raise ConfigurationError('"ages" in "text" must be one of "over89", "all"')
            settings = replace(settings, all_ages=AGES[one])
        else:
            raise ConfigurationError(f'"text" has no setting "{written}"{did_you_mean(str(written), NAMES)}')
    return settings


def _regions(value: object) -> tuple[str, ...]:
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - few configurations ask for it, and it is large

    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) for one in value):
        raise ConfigurationError('"regions" in "text" must be an array of countries, such as ["US", "CA"]')
    regions = tuple(one.upper() for one in value)
    for region in regions:
        if region not in SUPPORTED_REGIONS:
            raise ConfigurationError(
                f'"regions" in "text" has "{region}", which is no country of ISO 3166-1 in two letters'
            )
    return regions
