"""The policy's decisions on each kind of element in DICOM JSON, cached. Values have no place here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.rewriting.checking import PIXELS
from dicomveil_engine.rewriting.decisions import Decision, Decisions
from dicomveil_engine.rewriting.deidentification_attributes import DEIDENTIFICATION_TAGS
from dicomveil_engine.rewriting.treatment import Treatment, treatment_of
from dicomveil_engine.structured_content.content_items import ContentPlan
from dicomveil_engine.text.identifying import is_identifying

WAITING = frozenset((Treatment.APPLY, Treatment.REPLACE_UIDS, Treatment.CONSTANT))
"""The treatments in which methods are given decoded values, once the whole data set is known."""
_ENTRIES_CACHED = 4_096
"""About 600 bytes each; a bound, since untrusted input may have any number of tags."""
_LONGEST_VR = 2
"""Characters of a VR under which an entry is cached; in JSON, it may be any text."""
_TAG = re.compile("[0-9A-F]{8}")
"""PS3.18 Section F.2.2: "eight character uppercase hexadecimal"."""


@dataclass(frozen=True)
class Entry:
    """The decision on elements of one key and VR."""

    tag: int
    vr: str
    """The effective VR: that of the dictionary if the data set has UN."""
    decision: Decision
    treatment: Treatment
    identifies: bool
    is_plain: bool = False
    """Whether its values are kept in every data set, and no other element depends on them."""
    is_checked: bool = False
    """Whether its values are checked and kept, and no other element depends on them."""
    waits: bool = False
    """Whether its method is given the values, and other elements depend on them only if it `identifies`."""


class DecisionTable:
    """The entries of one policy, made when first needed."""

    def __init__(self, policy: Decisions) -> None:
        self._policy = policy
        self._entries: dict[tuple[str, str, str | None, bool, ContentPlan | None], Entry] = {}
        self.public: dict[tuple[str, str], Entry] = {}
        """Those of elements without creator and plan, by key and VR: nearly all that are asked for."""

    def entry(
        self,
        key: str,
        vr: str,
        creator: str | None = None,
        *,
        declared: bool,
        plan: ContentPlan | None = None,
    ) -> Entry:
        """The entry of an element; `plan` is that of the content item it is in."""
        found = self._entries.get((key, vr, creator, declared, plan))
        if found is None:
            found = self._make(key, vr, creator, declared=declared, plan=plan)
            if len(self._entries) >= _ENTRIES_CACHED:
                self._entries.clear()  # so that no sender fills it for good
                self.public.clear()
            if len(vr) <= _LONGEST_VR:
                self._entries[key, vr, creator, declared, plan] = found
                if creator is None and not declared and plan is None:
                    self.public[key, vr] = found
        return found

    def _make(self, key: str, vr: str, creator: str | None, *, declared: bool, plan: ContentPlan | None) -> Entry:
        if not _TAG.fullmatch(key):
            raise InvalidDataSetError("the metadata has a key that is not a tag")
        tag = int(key, 16)
        known = vr in dictionary.VRS and vr != "UN"
        effective = vr if known else dictionary.vr_of(tag, creator) or "UN"
        if plan is None or declared:
            decision = self._policy.decide(tag, effective, creator, declared)
        else:
            decision = self._policy.decide_in_content(plan, tag, effective, creator)
        if tag >> 16 & 1 and vr not in dictionary.VRS:
            decision = Decision(Remove(), "private elements of an unknown VR are removed")
        effect = decision.method.effect(effective)
        if vr not in dictionary.VRS and effect is not Effect.REMOVE:
            raise InvalidDataSetError(f"{dictionary.described(tag)} has a VR that PS3.5 does not know")
        identifies = is_identifying(tag, effective) and not effect.keeps
        treatment = treatment_of(decision.method, effective, is_checked=decision.is_checked)
        is_plain = (
            treatment is Treatment.KEEP and tag not in DEIDENTIFICATION_TAGS and tag not in PIXELS and vr == effective
        )
        is_alone = effective != "SQ" and tag not in DEIDENTIFICATION_TAGS and tag not in PIXELS
        is_checked = is_alone and treatment is Treatment.CHECKED_KEEP and not identifies
        waits = is_alone and treatment in WAITING
        return Entry(tag, effective, decision, treatment, identifies, is_plain, is_checked, waits)
