"""Traces for OpenTelemetry: spans of requests, of requests to the origin server, and of de-identification.

Attributes are a closed list, none of which can contain a UID, URL, query or value: methods, route templates, statuses,
numbers. Exceptions are not recorded, since their messages may contain anything. Traces of clients are not continued,
since their IDs may contain anything, too. The package is an optional dependency, and imported only here.
"""

from __future__ import annotations

import time
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings.telemetry import TracesSettings
from dicomveil_proxy.spent import Spent, spent
from dicomveil_proxy.trust.guarded_routes import is_open, required_access_of
from dicomveil_proxy.wire.sent import SentAnswer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Tracer, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

ATTRIBUTES = frozenset(
    (
        *("dicomveil.project", "dicomveil.transaction", "dicomveil.request_id"),
        *("dicomveil.origin.requests", "dicomveil.deidentification.seconds"),
        *("http.request.method", "http.route", "http.response.status_code", "http.response.body.size"),
    )
)
"""All attributes that spans may have."""
_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST"))
_NANOSECONDS = 1_000_000_000
_INSTALL = (
    "traces.endpoint: traces need the packages of OpenTelemetry; install dicomveil-proxy with its extra, "
    "`dicomveil-proxy[traces]`"
)


def check(settings: TracesSettings) -> None:
    """Raise ConfigurationError if traces are configured, but their packages are missing."""
    wanted = ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
    if settings.endpoint is not None and not all(map(_is_there, wanted)):
        raise ConfigurationError(_INSTALL)


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


class Traces:
    """Creates and exports spans."""

    def __init__(self, settings: TracesSettings, exporter: SpanExporter | None = None) -> None:
        """`exporter` replaces the one to the collector. Raises ConfigurationError if packages are missing."""
        check(settings)
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import TraceIdRatioBased  # noqa: PLC0415

        resource = Resource({"service.name": "dicomveil", "service.version": version("dicomveil-proxy")})
        self._provider: TracerProvider = TracerProvider(resource=resource, sampler=TraceIdRatioBased(settings.share))
        if exporter is not None:
            self._provider.add_span_processor(SimpleSpanProcessor(exporter))
        else:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

            self._provider.add_span_processor(
                BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{settings.endpoint}/v1/traces"))
            )
        self._tracer: Tracer = self._provider.get_tracer("dicomveil")  # type: ignore[assignment]

    def record(self, scope: Scope, status: int, sent: int, begun: float, noted: Spent) -> None:
        """Create the spans of a request that has ended; times are in seconds since 1970."""
        from opentelemetry import trace  # noqa: PLC0415 - the extra
        from opentelemetry.context import Context  # noqa: PLC0415

        attributes: dict[str, Any] = {
            "http.request.method": scope["method"] if scope["method"] in _METHODS else "_OTHER",
            "http.response.body.size": sent,
            "dicomveil.request_id": scope.get("request_id", ""),
            "dicomveil.origin.requests": noted.origin_requests,
        }
        if status:
            attributes["http.response.status_code"] = status
        if (access := required_access_of(scope)) is not None:
            attributes |= {
                "http.route": access.route,
                "dicomveil.project": access.project or "all",
                "dicomveil.transaction": access.right.value,
            }
        name = access.right.value if access is not None else "refused"
        span = self._tracer.start_span(
            name, context=Context(), kind=trace.SpanKind.SERVER, attributes=attributes, start_time=_at(begun)
        )
        if status >= 500 or not status:
            span.set_status(trace.StatusCode.ERROR)
        within = trace.set_span_in_context(span, Context())
        for call in noted.calls:
            answered = {} if call.status is None else {"http.response.status_code": call.status}
            child = self._tracer.start_span(
                "origin",
                context=within,
                kind=trace.SpanKind.CLIENT,
                attributes=answered,
                start_time=_at(call.begun),
            )
            if call.status is None or call.status >= 500:
                child.set_status(trace.StatusCode.ERROR)
            child.end(_at(call.begun + call.seconds))
        if noted.deidentification_begun:
            child = self._tracer.start_span(
                "deidentification",
                context=within,
                attributes={"dicomveil.deidentification.seconds": noted.deidentification_seconds},
                start_time=_at(noted.deidentification_begun),
            )
            child.end(_at(noted.deidentification_ended))
        span.end(_at(time.time()))

    def close(self) -> None:
        """Send the remaining spans, for a few seconds at most."""
        self._provider.shutdown()


class Tracing:
    """Traces all requests but those of open paths; around admission, so that refusals are traced, too."""

    def __init__(self, application: ASGIApp, *, traces: Traces) -> None:
        self._application = application
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http" or is_open(scope):
            await self._application(scope, receive, send)
            return
        begun, sent = time.time(), SentAnswer()

        async def counted(message: Message) -> None:
            sent.note(message)
            await send(message)

        try:
            await self._application(scope, receive, counted)
        finally:
            self._traces.record(scope, sent.outcome, sent.bytes, begun, spent() or Spent())


def _at(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)
