"""De-identify DICOM data sets: one policy over Part 10 and DICOM JSON, bytes in and bytes out.

    configuration → policy: decide, per element → methods: act
                       ↑                            ↑
    part10 | json_model: parse ─────────────────────┴──→ part10 | json_model: write

The engine does no I/O (but for reading a configuration file), reads no clock and writes no log.
"""

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
from dicomveil_engine.policy import Decision, Limits, Policy, load_policy
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.reports.lint import lint
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
    "deidentify_instance",
    "deidentify_metadata",
    "lint",
    "load_policy",
    "to_own_dialect",
    "validate_instance",
    "validate_output",
]


def deidentify_instance(data: bytes, policy: Policy) -> bytes:
    """De-identify a whole Part 10 instance (PS3.10).

    Raises InvalidDataSetError for what cannot be read, DeidentificationError for what has no safe output.
    """
    rewriter = InstanceRewriter(policy)
    return b"".join([*rewriter.feed(data), *rewriter.close()])


def deidentify_metadata(
    instances: list[JSONDataSet], policy: Policy, *, bulk_data_uri: BulkDataURIs | None = None
) -> list[JSONDataSet]:
    """De-identify data sets in the DICOM JSON model (PS3.18 Annex F).

    `bulk_data_uri` gives the URI that is written for a kept element whose value is elsewhere, from the element's
    path (such as `00880200/1/7fe00010`) and the server's URI; without it, such URIs are dropped, because they hold
    the server's address and original UIDs.

    Raises InvalidDataSetError for what cannot be read, DeidentificationError for what has no safe output.
    """
    rewriter = MetadataRewriter(policy)
    return [rewriter.rewrite(instance, bulk_data_uri=bulk_data_uri) for instance in instances]
