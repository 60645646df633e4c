"""Metrics: what happened is counted, workers are summed, and no label can hold anything of a patient's or user's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dicomveil_proxy.errors import OriginUnavailable
from dicomveil_proxy.jobs.textfile import NAMES
from dicomveil_proxy.settings.access import AccessSettings
from dicomveil_proxy.trust.admission import LIMIT_RULES, OTHER_RULE, RULES
from dicomveil_proxy.wire.problems import PROBLEMS
from proxy.fakes import HOST, STUDY, MemoryOrigin, instance, proxy

pytestmark = pytest.mark.anyio
LABELS = re.compile(r'([a-z_]+)="([^"]*)"')
CLOSED = {
    "project": r"default|all|none",
    "transaction": r"search|retrieve|store|metrics|none",
    "status": r"[1-5]\d\d|[1-5]xx|failed|broken off",
    "code": "|".join(code for _, code in PROBLEMS.values()),
    "outcome": r"refused|reported|released|passed|nothing found|covered|hit|miss",
    "rule": "|".join((*RULES.values(), *LIMIT_RULES, OTHER_RULE)),
    "cache": r"identities|absent|cursors",
    "reason": r"policy|unreadable",
    "le": r"[0-9.+Inf]+",
}


async def test_requests_are_counted(tmp_path: Path) -> None:
    """By project, transaction and status; problems by their code; labels from closed lists only."""
    archive = MemoryOrigin(instance())
    async with proxy(tmp_path, archive) as ask:
        await ask.get("/studies?PatientName=Doe")
        await ask.get(f"/studies/{ask.uid(STUDY)}/metadata")
        await ask.get("/studies/1.2.3.4.5/metadata")
        await ask.client.get(f"{HOST}/Doe^Jane")
        archive.failures["search"] = OriginUnavailable("away")
        await ask.get("/studies")
        text = (await ask.client.get(f"{HOST}/metrics")).text

    assert 'dicomveil_requests_total{project="default",status="200",transaction="search"} 1.0' in text
    assert 'dicomveil_requests_total{project="default",status="200",transaction="retrieve"} 1.0' in text
    assert 'dicomveil_requests_total{project="default",status="502",transaction="search"} 1.0' in text
    assert 'dicomveil_problems_total{code="origin-unavailable"} 1.0' in text
    assert 'dicomveil_refusals_total{rule="route"} 1.0' in text
    assert 'dicomveil_cache_lookups_total{cache="identities",outcome="hit"} 1.0' in text
    assert 'dicomveil_problems_total{code="unknown-resource"} 1.0' in text
    assert "dicomveil_requests_under_way 1.0" in text
    for name, value in LABELS.findall(text):
        assert re.fullmatch(CLOSED[name], value), (name, value)


def _refused(text: str) -> dict[tuple[str, str], float]:
    """By transaction and reason."""
    found: dict[tuple[str, str], float] = {}
    for labels, value in re.findall(r"dicomveil_instances_refused_total\{([^}]*)\} (\S+)", text):
        said = dict(LABELS.findall(labels))
        assert said.pop("project") == "default"
        for name, each in said.items():
            assert re.fullmatch(CLOSED[name], each)
        found[said["transaction"], said["reason"]] = float(value)
    return found


@pytest.mark.parametrize("on_error", ["abort", "omit"])
async def test_refused_instances_are_counted(tmp_path: Path, on_error: str) -> None:
    """Once for each time that one is requested or sent, whether the answer ends or the instance is left out."""
    broken = instance(instance="1.2.3.1.1.0").replace(b"1.2.840.10008.1.2.1\0", b"1.2.3.4.5.6.7.8.9.10")
    archive = MemoryOrigin(broken, instance())
    async with proxy(tmp_path, archive, on_error=on_error) as ask:
        await ask.get("/studies")
        assert _refused((await ask.client.get(f"{HOST}/metrics")).text) == {}
        await ask.get(f"/studies/{ask.uid(STUDY)}")
        await ask.store(instance(instance="1.2.3.9.9.9", pixels=bytes(1000))[:-100])
        text = (await ask.client.get(f"{HOST}/metrics")).text

    assert _refused(text) == {("retrieve", "unreadable"): 1.0, ("store", "unreadable"): 1.0}


@pytest.mark.parametrize(("on_error", "status"), [("abort", 403), ("omit", 200)])
async def test_instances_that_a_rule_refuses_are_counted(tmp_path: Path, on_error: str, status: int) -> None:
    """They can be read, and the policy lets nothing of the kind out: another reason."""
    profile = {"profile": "basic", "pixels": {"text": "refuse", "gate": "trust"}}
    ultrasound = instance(change=lambda dataset: setattr(dataset, "Modality", "US"), pixels=bytes(1000))
    async with proxy(tmp_path, MemoryOrigin(ultrasound), profile=profile, on_error=on_error) as ask:
        await ask.get("/studies")
        answer = await ask.get(f"/studies/{ask.uid(STUDY)}")
        text = (await ask.client.get(f"{HOST}/metrics")).text

    assert answer.status_code == status
    assert _refused(text) == {("retrieve", "policy"): 1.0}


async def test_alerts_and_dashboard_ask_for_what_there_is(tmp_path: Path) -> None:
    """Each name in deploy/ is one that the server answers with."""
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        text = (await ask.client.get(f"{HOST}/metrics")).text
    families = {*re.findall(r"# TYPE (dicomveil_[a-z_]+)", text), *NAMES}
    deploy = Path(__file__).parents[2] / "deploy"
    asked = (deploy / "prometheus" / "alerts.yaml").read_text() + (deploy / "grafana" / "dicomveil.json").read_text()
    names = set(re.findall(r"dicomveil_[a-z_]+", asked))

    assert names
    assert {name.removesuffix("_bucket") for name in names} <= families


async def test_metrics_need_their_right(tmp_path: Path) -> None:
    """With [access] nobody reads them without credentials."""
    access = AccessSettings(tokens=tmp_path / "tokens.json")
    async with proxy(tmp_path, MemoryOrigin(), access=access) as ask:
        answer = await ask.client.get(f"{HOST}/metrics")

    assert answer.status_code == 401


def test_workers_are_summed(tmp_path: Path) -> None:
    """Two processes count into one folder; a third says the sum."""
    count = "from dicomveil_proxy.trust.metrics import Metrics; m = Metrics(); m.finding('default', 'refused'); "
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for code in (count, count):
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    said = subprocess.run(
        [sys.executable, "-c", count + "print(m.written().decode())"], check=True, env=environment, capture_output=True
    )

    assert b'dicomveil_guard_findings_total{outcome="refused",project="default"} 3.0' in said.stdout
