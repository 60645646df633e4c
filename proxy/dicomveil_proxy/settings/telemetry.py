"""The tables `[log]`, `[metrics]` and `[traces]` of the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s/:?#@\[\]]+):([0-9]{1,5})")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class LogSettings(_Table):
    """The log, on stderr."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"
    """Less important messages are dropped."""


class MetricsSettings(_Table):
    """A separate port for metrics, besides `/metrics`."""

    listen: str | None = None
    """Address and port."""
    anonymous: bool = False
    """Whether to serve the port, which has no authentication, to other machines."""

    @field_validator("listen")
    @classmethod
    def _place(cls, value: str | None) -> str | None:
        match = _LISTEN.fullmatch(value) if value is not None else None
        if value is not None and (match is None or int(match[2]) > 65535):
            raise ValueError("write it as 127.0.0.1:9464")
        return value

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port."""
        match = _LISTEN.fullmatch(self.listen) if self.listen is not None else None
        return (match[1].strip("[]"), int(match[2])) if match else None


class TracesSettings(_Table):
    """Spans for an OpenTelemetry collector."""

    endpoint: Annotated[str | None, Field(repr=False)] = None
    """OTLP over HTTP, such as http://127.0.0.1:4318."""
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The proportion of requests that are traced."""

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            is_right = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query
        except ValueError:
            is_right = False
        if not is_right:
            raise ValueError("write it as http://host:4318, without a query")
        return value.rstrip("/")


TELEMETRY: Mapping[str, type[BaseModel]] = {"log": LogSettings, "metrics": MetricsSettings, "traces": TracesSettings}
"""By the setting's name."""
