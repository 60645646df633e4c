"""The identifying attributes, whose values are searched for in free text.

The list is our choice: PS3.15 Section E.3.5 requires that free text is cleaned of what the profile removes elsewhere,
and these are the attributes whose values people type into descriptions and comments.
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
"""The dates are those that all instances of a series have in common; most others are found by detectors."""

IDENTIFYING_TAGS = frozenset(tag for keyword in KEYWORDS if (tag := dictionary.tag_of(keyword)) is not None)


def is_identifying(tag: int, vr: str) -> bool:
    """Whether values of this attribute must not be left in free text: all PN, and the attributes of the list."""
    return vr == "PN" or tag in IDENTIFYING_TAGS
