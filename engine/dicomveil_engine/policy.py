"""Decide what happens to each attribute.

A policy is total and pure: every (tag, VR, private creator) has a decision, and the decision names the rule
that made it. Values are read by methods only, encodings by the rewriters only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import ClassVar

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.attributes.well_known import (
    PATIENT_ID,
    PATIENT_NAME,
    PIXEL_DATA,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
)
from dicomveil_engine.bounded_cache import drop_values_with
from dicomveil_engine.configuration import Configuration, Finding, Findings, ProfileName, Rule, read_configuration
from dicomveil_engine.errors import ConfigurationError, DeidentificationError
from dicomveil_engine.methods.base import BYTES_VRS, Context, DateMove, Element, Method, Scope, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.keep import Keep
from dicomveil_engine.methods.pseudonym import Pseudonym, patient_pseudonyms
from dicomveil_engine.methods.refresh_uid import pseudonym_of, uid_pseudonyms
from dicomveil_engine.methods.remove import Remove
from dicomveil_engine.profile import ConfidentialityProfile
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_engine.pseudonyms.subjects import Subjects
from dicomveil_engine.rewriting.checking import FREE_TEXT_VRS, PIXELS
from dicomveil_engine.rewriting.decisions import Decision, Limits
from dicomveil_engine.rewriting.deidentification_attributes import (
    AddMethodText,
    DeidentificationAttributes,
    dates_modified,
    method_texts,
)
from dicomveil_engine.structured_content.content_items import REFERENCE_VRS, ContentPlan, StructuredContent

__all__ = [
    "PATIENT_ID",
    "PATIENT_NAME",
    "PIXEL_DATA",
    "SERIES_INSTANCE_UID",
    "SOP_CLASS_UID",
    "SOP_INSTANCE_UID",
    "SPECIFIC_CHARACTER_SET",
    "STUDY_DATE",
    "STUDY_INSTANCE_UID",
    "Decision",
    "Limits",
    "Policy",
    "lint",
    "load_policy",
]

_OVERLAY_DATA = 0x60003000
_CONTRIBUTION = "contribution to {}"
_DECISIONS_CACHED = 4_096
"""A hundred bytes each. Real data sets need a few hundred; a data set of arbitrary tags could fill any number."""
_NO_IDENTITY = frozenset((Effect.CONSTANT, Effect.REPLACE, Effect.CHANGE))
"""Effects that do not give legal, distinct UIDs."""


@dataclass(frozen=True)
class _Inapplicable(Method):
    """Stands where a rule's method has no meaning for the element's VR: no safe output exists."""

    reason: str
    name: ClassVar[str] = "inapplicable"

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        return Effect.REFUSE

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        return True

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        raise DeidentificationError(self.reason)


class Policy:
    """A configuration compiled with a project's key."""

    def __init__(self, configuration: Configuration, keys: Keys, limits: Limits | None = None) -> None:
        self.name = configuration.name
        self.warnings = configuration.warnings
        self.limits = limits or Limits()
        self._rules = configuration.rules
        self._subjects = Pseudonym.of(keys) if keys.subjects is not None else None
        self.cleaning = configuration.cleaning
        """How free text is cleaned."""
        self.recipients = configuration.recipients
        """Certificate files of the recipients for whom jobs encrypt originals into the output; unused by the engine."""
        self.vocabulary = "" if self.cleaning.vocabulary is None else self.cleaning.vocabulary.digest
        """The digest of the vocabulary used in cleaning: with another vocabulary the policy is another one."""
        self.pixels = replace(configuration.pixels, regions=self.cleaning.regions, all_ages=self.cleaning.all_ages)
        """What is done about text burnt into pixels; applied by `dicomveil_engine.pixels`, not by the rewriters."""
        self._profile: ConfidentialityProfile | None = None
        self.structured_content: StructuredContent | None = None
        """Decides on the items of sequences whose method is cleanContent; None without the option."""
        self.claims: DeidentificationAttributes | None = None
        """The de-identification attributes of the output; None without a profile, when nothing is claimed."""
        if configuration.profile is ProfileName.PS315:
            self._profile = ConfidentialityProfile(
                configuration.options,
                protect_unlisted=configuration.protect_unlisted,
                date_shift=configuration.default_settings.get("dateshift", {}),
                keys=keys,
            )
            self.claims = DeidentificationAttributes.of(
                configuration.options,
                dates_modified(self._decide(STUDY_DATE, "DA").method),
                method_texts(self.vocabulary),
            )
            if Option.CLEAN_STRUCTURED_CONTENT in configuration.options:
                self.structured_content = StructuredContent(configuration.options, keys)
        self.add_method_text = AddMethodText(own=method_texts(self.vocabulary))
        self.uids = uid_pseudonyms(keys)
        self.patients = patient_pseudonyms(keys)
        self.is_pseudonym_uid = self.uids.is_pseudonym
        self.pseudonym_patient_id = self.patients.pseudonym
        self.is_pseudonym_patient_id = self.patients.is_pseudonym
        self.compiled: dict[str, object] = {}
        """What the rewriters compile from the policy once, by name."""
        self._refuse_shared_identity()
        self.decide = lru_cache(_DECISIONS_CACHED)(self._decide)
        """`decide(tag, vr, creator=None, declared=False) -> Decision`; `declared` says that the instance declares a
        private element safe (profile.private.is_declared_safe)."""
        drop_values_with(self)

    def __repr__(self) -> str:
        """The name, the number of rules and the options; never the key."""
        options = ", ".join(option.value for option in Option if option in self.options)
        profile = "none" if self._profile is None else "PS3.15"
        name = self.name or "without a name"
        return f"<Policy {name}: {len(self._rules)} rules, profile {profile}, options [{options}]>"

    def _refuse_shared_identity(self) -> None:
        """Refuse rules under which studies, series or instances would lose their distinct UIDs."""
        for tag in (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID):
            decision = self._decide(tag, "UI")
            if decision.method.effect("UI") in _NO_IDENTITY:
                raise ConfigurationError(
                    f"{decision.rule} would break {dictionary.describe(tag)}; use refreshUID or keep"
                )

    def _decide(self, tag: int, vr: str, creator: str | None = None, declared: bool = False) -> Decision:
        group, element = tag >> 16, tag & 0xFFFF
        if tag == SPECIFIC_CHARACTER_SET:
            # Kept text cannot be read without it, and it identifies nobody.
            return Decision(Keep(), "Specific Character Set is always kept")
        if element == 0 or group in {0x0000, 0x0002, 0x0004} or tag in {0xFFFAFFFA, 0xFFFCFFFC, 0x04000561}:
            # Group lengths, commands, file meta information and directory records do not belong in a data set;
            # digital signatures and padding are no longer valid after a change (PS3.15 Section E.1.1).
            return Decision(Remove(), "group lengths, directory records, signatures and padding are always removed")
        if self._subjects is not None and tag in {PATIENT_ID, PATIENT_NAME} and self._subjects.supports(vr):
            return Decision(self._subjects, "the list of subjects")
        for rule in self._rules:
            if rule.pattern.matches(tag, vr, creator) and not self._yields_to_profile(rule, vr):
                return self._only_pixels(self._by_rule(rule, tag, vr), tag, vr)
        if self._profile is None:
            return Decision(Keep(), "no rule")
        if decision := self._decide_wrong_vr(tag, vr):
            return decision
        verdict = self._profile.decide(tag, vr, creator, declared=declared)
        return self._only_pixels(Decision(verdict.method, verdict.because, is_checked=tag not in PIXELS), tag, vr)

    def _only_pixels(self, decision: Decision, tag: int, vr: str) -> Decision:
        """The decision, but a refusal of pixels with a VR that they cannot have, under which nothing checks them."""
        is_wrong = tag in PIXELS and vr not in BYTES_VRS and self._profile is not None
        if not is_wrong or not decision.method.effect(vr).keeps:
            return decision
        return Decision(_Inapplicable("pixels cannot have this VR"), decision.rule)

    def _yields_to_profile(self, rule: Rule, vr: str) -> bool:
        """Whether a preset's rule cannot be applied to this VR: the profile then decides, and nothing is refused."""
        return rule.is_presets and self._profile is not None and vr != "SQ" and not rule.method.supports(vr)

    def _decide_wrong_vr(self, tag: int, vr: str) -> Decision | None:
        """The decision on a UID or sequence that has another VR than in PS3.6; None for everything else."""
        expected = dictionary.vrs_of(tag)
        if vr in {"UN", *expected} or tag >> 16 & 1:
            return None
        if expected == ("UI",) and not self._decide(tag, "UI").method.effect("UI").leaves_nothing:
            return Decision(_Inapplicable("a UID has a pseudonym in the VR UI only"), "the profile")
        if expected == ("SQ",):
            return Decision(Remove(), "a sequence in another VR is removed")
        return None

    def decide_in_content(self, plan: ContentPlan, tag: int, vr: str, creator: str | None = None) -> Decision:
        """The decision on an element of a content item with this plan; a rule for the attribute comes first."""
        content = self.structured_content
        if content is not None and not any(rule.pattern.matches(tag, vr, creator) for rule in self._rules):
            verdict = content.decide(plan, tag, vr)
            if verdict is not None:
                return Decision(verdict.method, verdict.because, is_checked=True)
        return self.decide(tag, vr, creator)

    def _by_rule(self, rule: Rule, tag: int, vr: str) -> Decision:
        method, label = rule.method, rule.label
        if method.supports(vr):
            # A rule that names an attribute asks for its text; one for a VR or a mask was written without knowing it.
            is_asked_for = vr in FREE_TEXT_VRS and rule.pattern.names_one_attribute
            is_checked = self._profile is not None and not is_asked_for and tag not in PIXELS
            return Decision(method, label, is_checked)
        if vr == "SQ":
            # A mask may match sequences too; the rule is then applied to the elements in them.
            return Decision(Keep(), label)
        attribute = f"{dictionary.described(tag)}, VR {vr}"
        reason = f"{label} cannot be applied to {attribute}; put a rule for this attribute before it"
        return Decision(_Inapplicable(reason), label)

    def pseudonym_uid(self, original: str) -> PseudonymousUID:
        """The pseudonym of a UID, legal or not; the project's own pseudonyms and registered UIDs are unchanged."""
        return PseudonymousUID(pseudonym_of(original, self.uids.pseudonym))

    def pseudonym_uids(self, original: str) -> tuple[PseudonymousUID, ...]:
        """The pseudonyms of a UID under each version of the key, the current one first."""
        others = (PseudonymousUID(pseudonym_of(original, other.pseudonym)) for other in self.uids.others)
        return (self.pseudonym_uid(original), *others)

    def contribution(self, study_instance_uid: str) -> str:
        """The text that identifies an instance of this study as made from pseudonymised data (rewriting.context).

        It cannot be written without the key.
        """
        return self.uids.pseudonym(_CONTRIBUTION.format(study_instance_uid))

    def contributions(self, study_instance_uid: str) -> tuple[str, ...]:
        """The same text under each version of the key: an instance keeps that of the version it was stored under."""
        text = _CONTRIBUTION.format(study_instance_uid)
        return (self.uids.pseudonym(text), *(other.pseudonym(text) for other in self.uids.others))

    def made_uid(self, uid: str) -> bool:
        """Whether the UID is a pseudonym of the current version of the key, not of an earlier one."""
        return self.uids.is_own(uid)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of the configuration, then those of its preset; the first that matches decides."""
        return self._rules

    @property
    def options(self) -> frozenset[Option]:
        """The options of PS3.15 Annex E; none without a profile."""
        return frozenset() if self._profile is None else self._profile.options

    @property
    def removes_private(self) -> bool:
        """Whether all private attributes are removed, whatever their creator."""
        if self._profile is None or self.retains_safe_private:
            return False
        return not any(rule.pattern.may_match_private for rule in self._rules)

    @property
    def retains_safe_private(self) -> bool:
        """Whether what an instance declares of its private attributes counts (PS3.15 Section E.3.10)."""
        return self._profile is not None and Option.RETAIN_SAFE_PRIVATE in self._profile.options

    @cached_property
    def depends_on_instance(self) -> bool:
        """Whether a method depends on the SOP Instance UID, so that equal elements of a series may differ."""
        return any(move.scope is Scope.INSTANCE for move in self.date_moves)

    @cached_property
    def date_moves(self) -> tuple[DateMove, ...]:
        """The ways in which dates may be shifted; empty when they are not."""
        methods = [self.decide(STUDY_DATE, "DA").method, *(rule.method for rule in self._rules)]
        if self._profile is not None and Option.RETAIN_LONG_MODIFIED_DATES in self._profile.options:
            methods.append(self._profile.shift)
        return tuple(method.date_move for method in methods if method.date_move is not None)

    @property
    def date_range(self) -> int:
        """The largest number of days by which a date may be shifted; 0 when dates are not shifted."""
        return max((move.shift.range for move in self.date_moves), default=0)

    def keeps(self, tag: int, vr: str, creator: str | None = None) -> bool:
        """Whether the attribute is kept as it is."""
        return self.decide(tag, vr, creator).method.effect(vr).keeps

    @cached_property
    def passes_references(self) -> bool:
        """Whether by-reference content items are kept, renumbered; a rule may remove them."""
        return all(self.keeps(tag, vr) for tag, vr in REFERENCE_VRS.items())

    @cached_property
    def replaces_uids(self) -> bool | None:
        """Whether the UIDs of study, series and instance become pseudonyms; None when only some of them do."""
        tags = (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID)
        effects = [self.decide(tag, "UI").method.effect("UI") for tag in tags]
        if all(effect is Effect.UID_PSEUDONYM for effect in effects):
            return True
        return False if all(effect.keeps for effect in effects) else None

    @cached_property
    def replaces_patient_id(self) -> bool:
        """Whether PatientID becomes a pseudonym."""
        return self.decide(PATIENT_ID, "LO").method.effect("LO") is Effect.PATIENT_PSEUDONYM

    @cached_property
    def removes_overlays(self) -> bool:
        """Whether overlays are removed."""
        return not self.keeps(_OVERLAY_DATA, "OW")

    @cached_property
    def releases_pixels(self) -> bool:
        """Whether Pixel Data is kept, so that frames and rendered images may be released."""
        return self.keeps(PIXEL_DATA, "OW") and self.keeps(PIXEL_DATA, "OB")


def load_policy(
    config: Mapping[str, object] | str | Path,
    key: bytes,
    *,
    limits: Limits | None = None,
    subjects: Mapping[str, str] | None = None,
    other_keys: Sequence[bytes] = (),
) -> Policy:
    """Compile a configuration with the project's key.

    `config` is the configuration itself or the path of its file; `{"profile": "basic"}` names a preset. `key` is
    the project's secret, at least 16 bytes: the same key and configuration give the same output everywhere.
    `subjects` maps original PatientIDs to pseudonyms of the user's choice. `other_keys` are earlier versions of the
    key: pseudonyms made with them are recognised, but no new ones are made.

    Raises ConfigurationError, which names the rule, the setting and how to fix it.
    """
    keys = Keys(key, Subjects(subjects) if subjects is not None else None, tuple(other_keys))
    return Policy(read_configuration(config, keys), keys, limits)


def lint(config: Mapping[str, object] | str | Path) -> list[Finding]:
    """Check a configuration in any dialect: errors, unknown keys, rules without effect.

    An empty list means that the configuration loads and each part of it has an effect. A wrong configuration raises
    nothing: its errors are among the findings. No finding holds a setting's value.
    """
    findings = Findings(collects_errors=True)
    keys = Keys(bytes(32))
    try:
        configuration = read_configuration(config, keys, findings)
        if not any(finding.is_error for finding in findings.all):
            Policy(configuration, keys)
    except ConfigurationError as error:
        findings.all.append(Finding("", str(error), is_error=True))
    return findings.all
