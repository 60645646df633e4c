"""`dicomveil serve`: checks the settings, opens a socket and runs the server on it, in one or more processes.

Errors are found before the server starts, and reported in one paragraph. Workers receive the checked settings through
the pipe by which they are started; they do not read files or environment variables again.
"""

from __future__ import annotations

import errno
import gc
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette

from dicomveil_engine import ConfigurationError
from dicomveil_proxy import logs
from dicomveil_proxy.allocator import keep_large_blocks
from dicomveil_proxy.command.refusal import refuse, sigterm_as_interrupt
from dicomveil_proxy.command.server_check import check_server
from dicomveil_proxy.environment import secrets_withheld
from dicomveil_proxy.service.application import PREFIX, create_application, prefix_of
from dicomveil_proxy.service.protocol import ConnectionLimits, protocol
from dicomveil_proxy.settings.projects import ProjectSettings, projects_of
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.trust import tls
from dicomveil_proxy.trust.metrics import Metrics, written_by_workers
from dicomveil_proxy.trust.metrics_port import answering

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that prometheus-client reads."""
STARTUP_FAILED = 3
"""Exit status: the server did not start although the settings are valid. It is Uvicorn's."""

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75
"""Seconds; more than nginx's keepalive_timeout (60), so that nginx does not send a request while we close."""
_GRACEFUL_SECONDS = 25
"""Seconds to finish responses when the server is stopped; Kubernetes kills it after 30."""
_WORKER_SECONDS = 20
"""Seconds without an answer from a worker until it is replaced. Uvicorn's default of 5 may be less than a worker takes
to start on a busy machine, which would then be replaced again and again."""

_OBJECTS = 50_000
"""Objects allocated between garbage collections, about 10 MB; more than the default."""

_log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serve until stopped, or refuse."""
    try:
        for warning in [*check_server(settings), *_faults(settings)]:
            print(f"warning: {warning}", file=sys.stderr)
        listening = listen(settings.host, settings.port)
        metrics_port = _metrics_socket(settings)
    except ConfigurationError as error:
        refuse(str(error))
    configure_logs(settings)
    with listening, metrics_port or nullcontext():
        print(described(settings, root_url(settings, listening), metrics_port), flush=True)
        config = server_config(settings)
        started = True  # or asked to stop before
        with ended_by_signals():
            if settings.workers > 1:
                with metrics_folder(), _metrics_of_workers(metrics_port), secrets_withheld():
                    started = _run_workers(config, listening)
            else:
                with _metrics_of_one(metrics_port, config):
                    started = _run_here(config, listening)
    if not started:
        sys.exit(STARTUP_FAILED)


def _faults(settings: Settings) -> list[str]:
    """What is wrong with the origin servers; none where all are folders."""
    if all(project.origin_folder is not None for project in projects_of(settings)):
        return []
    from dicomveil_proxy.command.origins import faults  # noqa: PLC0415 - clients of HTTP

    return faults(settings)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, opened before the server starts, so that a port in use is a clear error.

    Raises ConfigurationError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(
            (host, port),
            family=family,
            backlog=_BACKLOG,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        raise ConfigurationError(_why_not(error, port)) from None


def _metrics_socket(settings: Settings) -> socket.socket | None:
    """The socket of the port for metrics; None if there is no separate port. Raises ConfigurationError."""
    if (address := settings.metrics.address) is None:
        return None
    try:
        return listen(*address)
    except ConfigurationError as error:
        raise ConfigurationError(f"metrics.listen: {str(error).partition(': ')[2]}") from None


def _metrics_of_workers(port: socket.socket | None) -> AbstractContextManager[None]:
    """Serve the sums of all workers' metrics from this process."""
    return nullcontext() if port is None else answering(port, written_by_workers)


def _metrics_of_one(port: socket.socket | None, config: uvicorn.Config) -> AbstractContextManager[None]:
    """Serve the metrics of this process's application; before it is created, an empty page."""

    def written() -> bytes:
        made: Any = getattr(config, "loaded_app", None)
        metrics: Metrics | None = getattr(getattr(made, "state", None), "metrics", None)
        return b"" if metrics is None else metrics.written()

    return nullcontext() if port is None else answering(port, written)


def base_url(settings: Settings, listening: socket.socket) -> str:
    """The base URL of the default project's service."""
    return root_url(settings, listening) + PREFIX


def root_url(settings: Settings, listening: socket.socket) -> str:
    """The base URL of the server."""
    if settings.public_url:
        return settings.public_url
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "http" if settings.tls is None else "https"
    return f"{scheme}://{host}:{listening.getsockname()[1]}"


def described(settings: Settings, root: str, metrics_port: socket.socket | None = None) -> str:
    """A summary of the settings for the log, with the hosts of origin servers, whose URLs may contain passwords."""
    lines = [
        *(_described(project, root) for project in projects_of(settings)),
        f"  users     {_users(settings)}",
        f"  audit     {'none' if settings.audit.file is None and settings.audit.syslog is None else 'kept'}",
        f"  workers   {settings.workers}",
    ]
    if metrics_port is not None and settings.metrics.address is not None:
        host = settings.metrics.address[0]
        named = f"[{host}]" if ":" in host else host
        lines.append(f"  metrics   http://{named}:{metrics_port.getsockname()[1]}/metrics")
    return "\n".join(lines)


def _users(settings: Settings) -> str:
    """The methods of authentication, without names of users."""
    if settings.access is None:
        return "everybody who reaches this address"
    others = [("OpenID Connect", settings.access.oidc), ("client certificates", settings.access.certificates)]
    return ", ".join(["tokens", *(name for name, is_set in others if is_set)])


def _described(project: ProjectSettings, root: str) -> str:
    origin = "a folder" if project.origin_folder else urlsplit(project.origin).hostname
    selection = "all studies" if project.filter.selects_all else "those that the filter selects"
    return (
        f"dicomveil serves {root}{prefix_of(project.name)}\n"
        f"  origin    {origin}\n"
        f"  studies   {selection}\n"
        f"  profile   {project.profile}\n"
        f"  store     {project.store}\n"
        f"  on error  {project.on_error}"
    )


def server_config(settings: Settings, *, graceful_seconds: int = _GRACEFUL_SECONDS) -> uvicorn.Config:
    """Uvicorn's configuration for these settings.

    There is no access log, since paths and queries may contain original identifiers. Uvicorn does not evaluate proxy
    header fields: the application decides which peers to trust, and needs the peer's address for that.
    """
    return uvicorn.Config(
        partial(application, settings),
        factory=True,
        workers=settings.workers,
        http=protocol(ConnectionLimits(settings.limits.request_head_bytes, settings.limits.header_seconds)),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=graceful_seconds,
        timeout_worker_healthcheck=_WORKER_SECONDS,
        ssl_context_factory=partial(tls.context_factory, settings.tls) if settings.tls else None,
    )


def configure_logs(settings: Settings) -> None:
    """Configure the log of this process by the settings."""
    logs.configure(level=logging.getLevelNamesMapping()[settings.log.level.upper()], form=settings.log.format)


def application(settings: Settings) -> Starlette:
    """The application of one worker; if it cannot be created, log the error and exit."""
    configure_logs(settings)
    keep_large_blocks()
    with suppress(FileNotFoundError):
        # It is determined once: if it were determined when its disk is full, Python would choose another folder, which
        # may not be meant for patients' data.
        tempfile.gettempdir()
    try:
        made = create_application(settings)
    except ConfigurationError as error:
        _log.critical("%s", error)
    except Exception as error:  # noqa: BLE001 - else the interpreter would print its message
        _log.critical("the application cannot be made", exc_info=error)
    else:
        _collect_seldom()
        return made
    sys.exit(STARTUP_FAILED)


def _collect_seldom() -> None:
    """Exclude existing objects from garbage collection, and collect new ones less often.

    A data set in DICOM JSON has hundreds of objects without reference cycles; collections took a third of the time.
    There is no collection before `freeze`: it would take a tenth of the start, to free a few hundred objects.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS, 20, 20)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """On SIGTERM and Ctrl-C, finish current responses and exit with status 0."""
    with sigterm_as_interrupt(), suppress(KeyboardInterrupt):
        yield  # uvicorn has shut down when it raises the signal again


@contextmanager
def metrics_folder() -> Iterator[None]:
    """The folder of the workers' shared metrics, set before they start: prometheus-client reads it when imported."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="dicomveil-metrics-")
    except OSError:
        _log.warning("metrics: there is no folder for temporary files (TMPDIR); /metrics answers for one worker only")
        yield
        return
    with folder:
        os.environ[METRICS_FOLDER] = folder.name
        try:
            yield
        finally:
            del os.environ[METRICS_FOLDER]


def _run_here(config: uvicorn.Config, listening: socket.socket) -> bool:
    server = uvicorn.Server(config)
    server.run([listening])
    return server.started


def _run_workers(config: uvicorn.Config, listening: socket.socket) -> bool:
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415 - for several workers

    listening.set_inheritable(True)
    supervisor = Multiprocess(config, [listening])
    supervisor.run()
    return not any(worker.exitcode == STARTUP_FAILED for worker in supervisor.processes)


def _why_not(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port: {port} is in use; give another --port"
    if error.errno == errno.EACCES:
        return f"port: this user may not listen on {port}; give a --port of 1024 or more"
    return "host: this machine has no such name or address; give one of its own, or 0.0.0.0 for all of them"
