"""An S3 on this machine, in this process (moto)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx


@contextmanager
def running_s3() -> Iterator[dict[str, str]]:
    """An empty one; yields what the environment says of it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example-secret",
        "AWS_REGION": "us-east-1",
    }
    # Servers of one process share what they hold: another test's objects are not this one's.
    httpx.post(f"{settings['AWS_ENDPOINT_URL']}/moto-api/reset", trust_env=False).raise_for_status()
    try:
        yield settings
    finally:
        server.stop()
