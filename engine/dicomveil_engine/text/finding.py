"""Findings in a text: position, infotype, likelihood and reason.

Infotypes have the names of Google's Sensitive Data Protection, which configurations use, as far as it has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Infotype(StrEnum):
    """A kind of identifying text."""

    PERSON_NAME = "PERSON_NAME"
    DATE = "DATE"
    TIME = "TIME"
    AGE = "AGE"
    PHONE_NUMBER = "PHONE_NUMBER"
    EMAIL_ADDRESS = "EMAIL_ADDRESS"
    URL = "URL"
    IP_ADDRESS = "IP_ADDRESS"
    MAC_ADDRESS = "MAC_ADDRESS"
    CREDIT_CARD_NUMBER = "CREDIT_CARD_NUMBER"
    IBAN_CODE = "IBAN_CODE"
    SWIFT_CODE = "SWIFT_CODE"
    MEDICAL_RECORD_NUMBER = "MEDICAL_RECORD_NUMBER"
    PASSPORT = "PASSPORT"
    DRIVERS_LICENSE_NUMBER = "DRIVERS_LICENSE_NUMBER"
    VEHICLE_IDENTIFICATION_NUMBER = "VEHICLE_IDENTIFICATION_NUMBER"
    LICENSE_PLATE = "LICENSE_PLATE"
    """Not in Google's list."""
    DEVICE_ID = "DEVICE_ID"
    """Serial numbers and lots; not in Google's list."""
    LOCATION = "LOCATION"
    STREET_ADDRESS = "STREET_ADDRESS"
    ORGANIZATION_NAME = "ORGANIZATION_NAME"
    USERNAME = "USERNAME"
    """Log-in names; not in Google's list."""
    UID = "UID"
    """DICOM UIDs and OIDs; not in Google's list."""
    GENERIC_ID = "GENERIC_ID"
    """Long numbers, and values of identifying attributes, of an unknown kind."""
    US_SOCIAL_SECURITY_NUMBER = "US_SOCIAL_SECURITY_NUMBER"
    US_INDIVIDUAL_TAXPAYER_IDENTIFICATION_NUMBER = "US_INDIVIDUAL_TAXPAYER_IDENTIFICATION_NUMBER"
    US_MEDICARE_BENEFICIARY_ID_NUMBER = "US_MEDICARE_BENEFICIARY_ID_NUMBER"
    UK_NATIONAL_HEALTH_SERVICE_NUMBER = "UK_NATIONAL_HEALTH_SERVICE_NUMBER"
    FRANCE_NIR = "FRANCE_NIR"
    SPAIN_DNI_NUMBER = "SPAIN_DNI_NUMBER"
    SPAIN_NIE_NUMBER = "SPAIN_NIE_NUMBER"
    ITALY_FISCAL_CODE = "ITALY_FISCAL_CODE"
    NETHERLANDS_BSN_NUMBER = "NETHERLANDS_BSN_NUMBER"
    BRAZIL_CPF_NUMBER = "BRAZIL_CPF_NUMBER"
    POLAND_PESEL_NUMBER = "POLAND_PESEL_NUMBER"
    TURKEY_ID_NUMBER = "TURKEY_ID_NUMBER"
    KOREA_RRN = "KOREA_RRN"
    CHINA_RESIDENT_ID_NUMBER = "CHINA_RESIDENT_ID_NUMBER"
    JAPAN_INDIVIDUAL_NUMBER = "JAPAN_INDIVIDUAL_NUMBER"
    SWEDEN_NATIONAL_ID_NUMBER = "SWEDEN_NATIONAL_ID_NUMBER"
    CANADA_SOCIAL_INSURANCE_NUMBER = "CANADA_SOCIAL_INSURANCE_NUMBER"


class Likelihood(IntEnum):
    """How certain a finding is; of two that overlap, the more likely one gives the infotype."""

    POSSIBLE = 3
    """It could be something else, and is used only if nothing protects the text."""
    LIKELY = 4
    """There is a cue, or it is in a list."""
    VERY_LIKELY = 5
    """A checksum, an unmistakable notation, or the instance's own value."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of a text that identifies."""

    start: int
    end: int
    """The position after its last character."""
    infotype: str
    """A member of `Infotype`, or the name of an infotype that a policy adds (`added`)."""
    likelihood: Likelihood
    why: str
    """The detector's reason, in a few words and without any of the text."""
