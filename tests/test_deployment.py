"""The examples in `deploy/`: what keeps others away from the archive is in them, and names what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"


def _kubernetes() -> dict[str, dict[str, Any]]:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "dicomveil.yaml").read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


def test_every_resource_of_the_cluster_names_its_namespace() -> None:
    """Applied with whatever context, nothing lands elsewhere."""
    found = {kind: document["metadata"]["namespace"] for kind, document in _kubernetes().items()}

    assert found.pop("NetworkPolicy") == "archive"
    assert set(found) >= {"Deployment", "Service", "PodDisruptionBudget", "Ingress"}
    assert set(found.values()) == {"dicomveil"}


def test_only_our_own_pods_reach_the_archive() -> None:
    """A pod with our label in another namespace does not pass."""
    [rule] = _kubernetes()["NetworkPolicy"]["spec"]["ingress"]
    [peer] = rule["from"]

    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "dicomveil"}
    assert peer["podSelector"]["matchLabels"] == _kubernetes()["Deployment"]["spec"]["selector"]["matchLabels"]


def test_nothing_is_left_on_a_nodes_disk() -> None:
    """What waits while it is stored is in memory, and bounded."""
    volumes = {volume["name"]: volume for volume in _kubernetes()["Deployment"]["spec"]["template"]["spec"]["volumes"]}

    assert volumes["temporary"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "512Mi"}


def test_compose_publishes_the_viewer_only() -> None:
    """The archive and dicomveil have no port on the host, and the archive's network has no way out."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))

    assert {name for name, service in compose["services"].items() if "ports" in service} == {"ohif"}
    assert compose["networks"]["archive"] == {"internal": True}
    assert compose["services"]["phantoms"]["profiles"] == ["demo"]
