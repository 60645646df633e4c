"""Which attributes identify, so that their values are looked for in free text.

The list is a choice of ours: PS3.15 E.3.5 asks that free text lose what the profile removes elsewhere, and
these are the attributes whose values people type into descriptions and comments.
"""

from __future__ import annotations

from dicomveil_engine.attributes import dictionary

KEYWORDS = [
    "PatientID",
    "IssuerOfPatientID",
    "OtherPatientIDs",
    "MedicalRecordLocator",
    "InsurancePlanIdentification",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientTelecomInformation",
    "RegionOfResidence",
    "MilitaryRank",
    "BranchOfService",
    "AccessionNumber",
    "StudyID",
    "AdmissionID",
    "IssuerOfAdmissionID",
    "ServiceEpisodeID",
    "RequestedProcedureID",
    "ScheduledProcedureStepID",
    "PerformedProcedureStepID",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
    "PlacerOrderNumberProcedure",
    "FillerOrderNumberProcedure",
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
    "RequestingService",
    "ReferringPhysicianAddress",
    "ReferringPhysicianTelephoneNumbers",
    "ReferringPhysicianIdentificationSequence",
    "PersonAddress",
    "PersonTelephoneNumbers",
    "OrderCallbackPhoneNumber",
    "OrderEnteredBy",
    "OrderEntererLocation",
    "VerifyingOrganization",
    "CustodialOrganizationSequence",
    "DeviceSerialNumber",
    "SpecimenIdentifier",
    "ContainerIdentifier",
    "CurrentPatientLocation",
    "PatientInstitutionResidence",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "PatientBirthDate",
    "StudyDate",
    "SeriesDate",
    "AcquisitionDate",
    "ContentDate",
    "AdmittingDate",
    "PerformedProcedureStepStartDate",
]
"""The dates are those that all instances of a series have in common; of each instance's own, `patterns` finds most."""

IDENTIFYING_TAGS = frozenset(tag for keyword in KEYWORDS if (tag := dictionary.tag_of(keyword)) is not None)


def is_identifying(tag: int, vr: str) -> bool:
    """Whether the values of this attribute must not survive in free text: every person's name, and the list."""
    return vr == "PN" or tag in IDENTIFYING_TAGS
