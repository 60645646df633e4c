"""Traces: spans of requests and of what they ask, with attributes of a closed list, and nothing without the extra."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dicomveil_engine import load_policy
from dicomveil_proxy.origin.web.origin import WebOrigin
from dicomveil_proxy.service.application import create_application
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.settings.telemetry import TracesSettings
from dicomveil_proxy.trust.traces import ATTRIBUTES
from proxy.fakes import BASE, HOST, KEY, STUDY, MemoryOrigin, instance

pytestmark = pytest.mark.anyio
ENDPOINT = "http://collector.test:4318"
JSON = {"Content-Type": "application/dicom+json"}
FOUND = {
    "0020000D": {"vr": "UI", "Value": [STUDY]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
    "00100020": {"vr": "LO", "Value": ["PATIENT-1"]},
}


@asynccontextmanager
async def traced(folder: Path, origin: Any, **settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    """A client of a server whose spans stay in memory."""
    (folder / "key").touch(0o600)
    (folder / "key").write_text(KEY.hex())
    exporter = InMemorySpanExporter()
    values: dict[str, Any] = {"traces": TracesSettings(endpoint=ENDPOINT)} | settings
    made = Settings(origin="http://origin.test", key_file=folder / "key", state=folder / "state", **values)
    application = create_application(made, origin, exporter=exporter)
    transport = httpx.ASGITransport(application)
    async with application.router.lifespan_context(application), httpx.AsyncClient(transport=transport) as client:
        yield client, exporter


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """The last span of each name."""
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_a_search_has_three_spans(tmp_path: Path) -> None:
    """That of the request, and within it what was asked of the origin server and the de-identification."""
    origin = WebOrigin("http://origin.test/dicom-web", httpx.MockTransport(lambda _: httpx.Response(200, json=[FOUND])))
    async with traced(tmp_path, origin) as (client, exporter):
        response = await client.get(f"{BASE}/studies?PatientName=*&limit=1")
        spans = by_name(exporter)

    request = spans["search"]
    assert request.attributes == {
        "http.request.method": "GET",
        "http.route": "/dicom-web/studies",
        "http.response.status_code": 200,
        "http.response.body.size": len(response.content),
        "dicomveil.project": "default",
        "dicomveil.transaction": "search",
        "dicomveil.request_id": response.headers["x-request-id"],
        "dicomveil.origin.requests": 1,
    }
    assert spans["origin"].attributes == {"http.response.status_code": 200}
    for child in (spans["origin"], spans["deidentification"]):
        assert child.parent is not None
        assert child.parent.span_id == request.context.span_id
        assert request.start_time <= child.start_time <= child.end_time <= request.end_time  # type: ignore[operator]


async def test_nothing_but_the_list(tmp_path: Path) -> None:
    """No UID, name, path, query, URL of the origin, token or exception, whatever is asked and goes wrong."""
    archive = MemoryOrigin(instance())
    pseudonym = load_policy({"profile": "default"}, KEY).pseudonym_uid(STUDY)
    parent = {"traceparent": "00-446f655e4a616e65446f655e4a616e65-446f655e4a616e65-01", "Authorization": "Bearer t0ken"}
    async with traced(tmp_path, archive) as (client, exporter):
        await client.get(f"{BASE}/studies/{pseudonym}", headers=parent)
        await client.get(f"{BASE}/studies/1.2.3.1/metadata")
        await client.get(f"{HOST}/Doe^Jane?x=Doe^Jane")
        await client.request("DOE", f"{BASE}/studies")
        archive.failures["search"] = RuntimeError("Doe^Jane at http://origin.test")
        failed = await client.get(f"{BASE}/studies")
        spans = exporter.get_finished_spans()
    text = "".join(span.to_json() for span in spans)

    assert failed.status_code == 500
    assert {name for span in spans for name in span.attributes or {}} <= ATTRIBUTES
    assert not any(span.events or span.links for span in spans)
    for planted in ("Doe", "1.2.3", pseudonym, "origin.test", "t0ken", "446f655e"):
        assert planted not in text
    assert [span.status.status_code.name for span in spans][-1] == "ERROR"


async def test_a_share_of_requests(tmp_path: Path) -> None:
    """None at all, if so."""
    settings = TracesSettings(endpoint=ENDPOINT, share=0)
    async with traced(tmp_path, MemoryOrigin(), traces=settings) as (client, exporter):
        await client.get(f"{BASE}/studies")
        assert exporter.get_finished_spans() == ()


def test_without_the_extra() -> None:
    """The settings say how to install it; a server without the section starts."""
    code = (
        "import sys; sys.modules['opentelemetry.sdk'] = None\n"
        "from dicomveil_proxy.settings.telemetry import TracesSettings\n"
        "from dicomveil_proxy.trust import traces\n"
        "import dicomveil_proxy.service.application\n"
        "traces.check(TracesSettings())\n"
        "traces.check(TracesSettings(endpoint='http://collector.test:4318'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "traces need the packages of OpenTelemetry; install dicomveil-proxy with its extra" in done.stderr


def test_the_framework_makes_no_spans(tmp_path: Path) -> None:
    """Some do, with paths and queries, wherever a provider is there and the environment asks for it."""
    code = f"""
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
provider, exporter = TracerProvider(), InMemorySpanExporter()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
from proxy.fakes import MemoryOrigin, proxy
async def main():
    async with proxy(Path({str(tmp_path)!r}), MemoryOrigin()) as ask:
        assert (await ask.get("/studies?PatientName=Doe")).status_code == 200
asyncio.run(main())
print(len(exporter.get_finished_spans()))
"""
    environment = os.environ | {
        "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
    }
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)

    assert (done.stdout, done.stderr) == ("0\n", "")
