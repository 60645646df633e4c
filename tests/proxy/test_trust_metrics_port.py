"""Metrics on a port of their own: read there by anybody who reaches it, and nothing else is."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.command.access_check import check_access
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.settings.telemetry import MetricsSettings
from dicomveil_proxy.trust.metrics_port import answering


def test_it_answers_with_the_metrics_alone() -> None:
    """Whatever else is asked for is not there, and whoever hangs is let go of."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with answering(listening, lambda: b"dicomveil_requests_total 1.0\n"):
            metrics = httpx.get(f"{url}/metrics", timeout=30)
            others = [httpx.get(url + path, timeout=30) for path in ("/", "/dicom-web/studies", "/metrics?x=1")]
            posted = httpx.post(f"{url}/metrics", content=b"x", timeout=30)

    assert (metrics.status_code, metrics.text) == (200, "dicomveil_requests_total 1.0\n")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert metrics.headers["server"] == "dicomveil"
    assert [each.status_code for each in others] == [404, 404, 404]
    assert posted.status_code == 501


@pytest.mark.parametrize(
    ("listen", "is_anonymous", "is_right"),
    [
        ("127.0.0.1:9464", False, True),
        ("[::1]:9464", False, True),
        ("localhost:9464", False, True),
        ("0.0.0.0:9464", False, False),
        ("0.0.0.0:9464", True, True),
    ],
)
def test_other_machines_read_it_if_that_is_written_out(
    tmp_path: Path, listen: str, is_anonymous: bool, is_right: bool
) -> None:
    """As it is with the server itself."""
    table = MetricsSettings(listen=listen, anonymous=is_anonymous)
    settings = Settings(origin="images", key_file=tmp_path / "key", metrics=table)
    if is_right:
        check_access(settings)
        return
    with pytest.raises(ConfigurationError, match=r"metrics.listen: users are not authenticated there"):
        check_access(settings)


@pytest.mark.parametrize("listen", ["9464", "host", "host:x", "host:70000", "http://host:1", "a b:1"])
def test_a_place_that_is_none(listen: str) -> None:
    """Host and port, and nothing else."""
    with pytest.raises(ValueError, match=r"write it as 127.0.0.1:9464"):
        MetricsSettings(listen=listen)
