"""Which instance a data set is."""

from __future__ import annotations

from typing import NamedTuple


class InstanceIdentity(NamedTuple):
    """The UIDs by which DICOMweb knows an instance; empty where the data set has none."""

    sop_class_uid: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
