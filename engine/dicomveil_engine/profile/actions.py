"""The methods that carry out the action codes of a profile with its options (PS3.15 Section E.1).

How dates, UIDs and AE titles are treated depends on the options alone, for listed and unlisted attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.attributes._standard.attribute_types import ATTRIBUTE_TYPES
from dicomveil_engine.methods.base import Method
from dicomveil_engine.methods.clean import Clean
from dicomveil_engine.methods.clean_content import CleanContent
from dicomveil_engine.methods.clean_required import CleanRequired
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_engine.methods.dummy import Dummy
from dicomveil_engine.methods.keep import Keep
from dicomveil_engine.methods.pseudonym import Pseudonym
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.methods.refresh_uid import RefreshUID
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.methods.unchecked import EmptyUnchecked
from dicomveil_engine.pseudonyms.keys import Keys

FREE_TEXT_VRS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
DATE_VRS = frozenset(("DA", "DT"))
TIME_VRS = DATE_VRS | {"TM"}


@dataclass(frozen=True)
class Verdict:
    """The profile's decision on an attribute."""

    method: Method
    because: str
    """The reason, for messages."""


class Actions:
    """Action codes → methods."""

    def __init__(self, options: frozenset[Option], date_shift: Mapping[str, object], keys: Keys) -> None:
        self.options = options
        self.keep = Keep()
        self.empty_unchecked = EmptyUnchecked()
        self.remove = Remove()
        self.redact = Redact()
        self.clean = Clean()
        self.clean_required = CleanRequired()
        self.clean_content = CleanContent()
        self.dummy = Dummy.of(keys)
        self.refresh = RefreshUID.of(keys)
        self.shift = ShiftDates.from_settings(date_shift, keys)
        self.pseudonym = Pseudonym.of(keys)

    def of(self, tag: int, code: str, vr: str) -> Method:
        """The method of a simple action code of the Basic Profile."""
        match code:
            case "X":
                return self.remove
            case "Z":
                return self.redact
            case "D":
                return self.dummy
            case "U":
                return self.refresh if vr == "UI" else self.remove
            case "K":
                return self.keep if vr == "SQ" else self.remove
            case _:
                raise AssertionError(f"Table E.1-1 has an unknown action code {code} for {dictionary.describe(tag)}")

    def cleaned(self, tag: int) -> Method:
        """The method that cleans free text. If nothing is left, a Type 1 attribute of PS3.3 gets a dummy value."""
        return self.clean_required if tag in ATTRIBUTE_TYPES.required_text else self.clean

    def time(self, vr: str) -> Method:
        """The method for a date or time (`TIME_VRS`) that the table does not list."""
        if Option.RETAIN_LONG_FULL_DATES in self.options:
            return self.keep
        if Option.RETAIN_LONG_MODIFIED_DATES in self.options:
            return self.modified_time(vr)
        return self.redact

    def modified_time(self, vr: str) -> Method:
        """Dates are shifted by whole days, so that times of day can be kept (PS3.15 Section E.3.6)."""
        return self.keep if vr == "TM" else self.shift

    @property
    def uid(self) -> Method:
        """The method for a UID that does not name a class, transfer syntax or coding scheme."""
        return self.keep if Option.RETAIN_UIDS in self.options else self.refresh

    @property
    def ae_title(self) -> Method:
        """The method for an AE title that the table does not list.

        AE titles are made from names of hospitals, wards and machines, which no word list can recognise. Pseudonyms
        still distinguish the devices, which is the purpose of the option (PS3.15 Section E.3.8).
        """
        return self.pseudonym if Option.RETAIN_DEVICE_IDENTITY in self.options else self.redact
