"""The response to a store request, with the outcome of each instance (PS3.18 Section 10.5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dicomveil_engine import InstanceIdentity, JSONDataSet
from dicomveil_proxy.transactions.store.reasons import CANNOT_UNDERSTAND, OUT_OF_RESOURCES


@dataclass
class InstanceOutcome:
    """The outcome of one instance, by the UIDs that the sender gave it."""

    sent: InstanceIdentity
    failure: int | None = None
    warning: int | None = None
    retrieve_url: str = ""


@dataclass
class StoreResponse:
    """Status and data set of the response."""

    status: int
    dataset: JSONDataSet
    stored: int = 0
    """Number of instances that the origin server stored."""


def store_response(outcomes: Sequence[InstanceOutcome], unread: int) -> StoreResponse:
    """The response; `unread` is the number of parts without readable UIDs."""
    stored = [outcome for outcome in outcomes if outcome.failure is None]
    failed = [outcome for outcome in outcomes if outcome.failure is not None]
    dataset: JSONDataSet = {}
    studies = {outcome.retrieve_url.partition("/series/")[0] for outcome in stored}
    if len(studies) == 1:
        dataset["00081190"] = {"vr": "UR", "Value": [*studies]}
    if failed:
        dataset["00081198"] = {"vr": "SQ", "Value": [_failed_item(outcome) for outcome in failed]}
    if stored:
        dataset["00081199"] = {"vr": "SQ", "Value": [_stored_item(outcome) for outcome in stored]}
    if unread:
        # (0008,119A) Other Failures Sequence
        other = {"00081197": {"vr": "US", "Value": [CANNOT_UNDERSTAND]}}
        dataset["0008119A"] = {"vr": "SQ", "Value": [other] * unread}
    if not stored and not failed and not unread:
        return StoreResponse(204, dataset)
    if not failed and not unread:
        return StoreResponse(200, dataset, len(stored))
    if not stored and any(outcome.failure == OUT_OF_RESOURCES for outcome in failed):
        return StoreResponse(503, dataset)
    return StoreResponse(202 if stored else 409, dataset, len(stored))


def _reference(outcome: InstanceOutcome) -> JSONDataSet:
    return {
        "00081150": {"vr": "UI", "Value": [outcome.sent.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [outcome.sent.sop_instance_uid]},
    }


def _stored_item(outcome: InstanceOutcome) -> JSONDataSet:
    item = _reference(outcome)
    item["00081190"] = {"vr": "UR", "Value": [outcome.retrieve_url]}
    if outcome.warning is not None:
        item["00081196"] = {"vr": "US", "Value": [outcome.warning]}
    return item


def _failed_item(outcome: InstanceOutcome) -> JSONDataSet:
    item = _reference(outcome)
    item["00081197"] = {"vr": "US", "Value": [outcome.failure]}
    return item
