"""The UIDs that identify an instance."""

from __future__ import annotations

from typing import NamedTuple


class InstanceIdentity(NamedTuple):
    """The UIDs that identify an instance in DICOMweb; empty if the data set lacks them."""

    sop_class_uid: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
