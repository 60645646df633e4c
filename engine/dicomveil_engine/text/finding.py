"""What is found in a text: where, what it is, how likely, and why.

Infotypes have the names of Google's Sensitive Data Protection where it has one, since configurations name them so;
the others are ours.
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
    """Ours."""
    DEVICE_ID = "DEVICE_ID"
    """Serial numbers and lots; ours."""
    LOCATION = "LOCATION"
    STREET_ADDRESS = "STREET_ADDRESS"
    ORGANIZATION_NAME = "ORGANIZATION_NAME"
    USERNAME = "USERNAME"
    """Log-in names; ours."""
    UID = "UID"
    """DICOM UIDs and OIDs; ours."""
    GENERIC_ID = "GENERIC_ID"
    """Long numbers and values of identifying attributes of which no more is known."""
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
    """How sure a detector is; of two findings that overlap, the more likely one names the infotype."""

    POSSIBLE = 3
    """It could be something else: taken only where nothing protects it."""
    LIKELY = 4
    """A cue or a list speaks for it."""
    VERY_LIKELY = 5
    """A checksum, an unmistakable notation, or the instance's own value."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of a text that identifies."""

    start: int
    end: int
    """Position of the first character behind it."""
    infotype: str
    """A member of `Infotype`, or the name of one that a policy adds (`added`)."""
    likelihood: Likelihood
    why: str
    """The detector's reason, in a few words and without any of the text."""
