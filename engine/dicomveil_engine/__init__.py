"""De-identify DICOM data sets: one policy over Part 10 and DICOM JSON, bytes in and bytes out.

    configuration → policy: decide, per element → methods: act
                       ↑                            ↑
    part10 | json_model: parse ─────────────────────┴──→ part10 | json_model: write

The engine does no I/O (but for reading a configuration file), reads no clock and writes no log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomveil_engine.configuration import Finding, configuration_schema, to_own_dialect
from dicomveil_engine.errors import (
    ConfigurationError,
    DeidentificationError,
    EngineError,
    InvalidDataSetError,
)
from dicomveil_engine.json_model.rewriter import BulkDataURIs, MetadataRewriter, SeriesRewriter
from dicomveil_engine.json_model.stream import ObjectStream
from dicomveil_engine.json_model.values import JSONDataSet
from dicomveil_engine.part10.rewriter import InstanceRewriter
from dicomveil_engine.pixels.release import released_instance, released_metadata
from dicomveil_engine.policy import Decision, Limits, Policy, lint, load_policy
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.reports.validation import Problem, validate_instance, validate_output

__all__ = [
    "BulkDataURIs",
    "ConfigurationError",
    "Decision",
    "DeidentificationError",
    "EngineError",
    "Finding",
    "InstanceIdentity",
    "InstanceRewriter",
    "InvalidDataSetError",
    "JSONDataSet",
    "Limits",
    "MetadataRewriter",
    "ObjectStream",
    "Policy",
    "Problem",
    "SeriesRewriter",
    "configuration_schema",
    "deidentify_dataset",
    "deidentify_instance",
    "deidentify_metadata",
    "lint",
    "load_policy",
    "to_own_dialect",
    "validate_instance",
    "validate_output",
]


if TYPE_CHECKING:
    from pydicom import Dataset


def deidentify_instance(data: bytes, policy: Policy) -> bytes:
    """De-identify a whole Part 10 instance (PS3.10): its attributes, and its pixels as the policy's "pixels" says.

    All presets but `microsoft` cover text that is burnt into pixels. Instances at risk, such as ultrasound, secondary
    captures and radiographs, are searched for it, which needs the extra `pixels`; the first search loads models (about
    3 s and 700 MB). Without the extra such an instance is refused; `"pixels": "keep"` in the policy passes its pixels.

    Raises InvalidDataSetError when the instance cannot be read, DeidentificationError when it has no safe output.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(
            f"data: give the instance's bytes, such as Path(...).read_bytes(), not {_kind(data)}"
            + ("; for a data set of pydicom's there is deidentify_dataset" if hasattr(data, "to_json_dict") else "")
        )
    return released_instance(bytes(data), _policy(policy))


def deidentify_dataset(dataset: Dataset, policy: Policy) -> Dataset:
    """De-identify a pydicom data set; the result is a new data set, and the original is not changed.

    The result is that of `deidentify_instance` for the instance's bytes. Without file meta information the data set
    is encoded as it was read, or in explicit VR little endian if it was not read from a file.

    Raises InvalidDataSetError when pydicom cannot encode the data set, DeidentificationError when there is no safe
    output.
    """
    if not hasattr(dataset, "to_json_dict"):
        raise TypeError(
            f"dataset: give a pydicom.Dataset, not {_kind(dataset)}; for bytes there is deidentify_instance"
        )
    from dicomveil_engine.part10.pydicom_dataset import rewritten  # noqa: PLC0415 - it needs pydicom

    _policy(policy)
    return rewritten(dataset, lambda data: deidentify_instance(data, policy))


def deidentify_metadata(
    instances: list[JSONDataSet], policy: Policy, *, bulk_data_uri: BulkDataURIs | None = None
) -> list[JSONDataSet]:
    """De-identify data sets in the DICOM JSON model (PS3.18 Annex F).

    `bulk_data_uri` gives the URI that is written for a kept element whose value is elsewhere, from the element's
    path (such as `00880200/1/7fe00010`) and the server's URI; without it, such URIs are dropped, because they hold
    the server's address and original UIDs. Inline pixel data is dropped where the policy's "pixels" requires a search
    for text in it: only instances are searched.

    Raises InvalidDataSetError when a data set cannot be read, DeidentificationError when it has no safe output.
    """
    if not isinstance(instances, list | tuple):
        raise TypeError(f"instances: give a list of data sets in DICOM JSON, not {_kind(instances)}")
    rewriter = MetadataRewriter(_policy(policy))
    written = [rewriter.rewrite(instance, bulk_data_uri=bulk_data_uri) for instance in instances]
    pairs = zip(instances, written, strict=True)
    return [released_metadata(before, after, policy.pixels) for before, after in pairs]


def _policy(policy: object) -> Policy:
    if not isinstance(policy, Policy):
        raise TypeError(f"policy: give what load_policy returns, not {_kind(policy)}")
    return policy


def _kind(value: object) -> str:
    """The type of a wrong argument; never the argument, which may be a patient's data or a key."""
    return f"a value of type {type(value).__name__}"
