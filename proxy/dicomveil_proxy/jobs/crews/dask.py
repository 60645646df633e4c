"""Dask workers, on this machine or on many (the extra `dask`).

Dask distributes work and detects workers that end; nothing is stored in it. Messages contain a number, and unit and job
encrypted with a key derived from the project's, which workers read from its file as the coordinator does. No message,
key or log of Dask therefore contains an original. Any client of a scheduler can run code on its workers, so that a
scheduler on another machine must use TLS.

When a scheduler ends, running units are lost, and repeated after a new connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import pickle
import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dicomveil_engine import ConfigurationError, EngineError
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_proxy import logs
from dicomveil_proxy.jobs.crews import Pause, Station, Take

LOCAL = "local"
"""Start a scheduler and workers on this machine."""
_NONCE_BYTES = 12
_LOOK_SECONDS = 1.0
_RECONNECT_SECONDS = 60.0
_CONNECT_SECONDS = 10.0


class Packed(Protocol):
    """A recipe that can be sent without the project key."""

    def without_key(self) -> Packed:
        """The recipe without the project key."""
        ...

    def with_key(self, key: bytes) -> Packed:
        """The recipe with the project key."""
        ...

    def __call__(self) -> Station:
        """As `Recipe`."""
        ...


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster."""

    scheduler: str
    """tls://host:port, tcp:// on this machine, or `local`."""
    key_file: Path
    """The file with the project key, at the same path on each worker."""
    workers: int = 2
    """Processes of a local cluster."""
    slots: int = 1

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a scheduler on another machine without TLS."""
        if self.scheduler == LOCAL:
            return
        parts = urlsplit(self.scheduler)
        if parts.scheme == "tls" and parts.hostname and parts.port:
            return
        if parts.scheme == "tcp" and parts.port and _is_loopback(parts.hostname or ""):
            return
        raise ConfigurationError(
            "scheduler: write tls://host:port; any client that reaches a scheduler can run code on its workers, so "
            "without TLS only a scheduler on this machine is used (tcp://127.0.0.1:port, or local)"
        )


class DaskCrew:
    """Runs units on a cluster."""

    def __init__(self, recipe: Packed, key: bytes, cluster: Cluster, lost: Any, message: Any) -> None:
        self._sealer = _Sealer(key)
        self._recipe = self._sealer.seal(recipe.without_key())
        self._cluster = cluster
        self._lost = lost
        self._message = message
        self._client: Any = None
        self._own: Any = None
        self._left: list[Any] = []
        self._numbers = 0
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def work(self, take: Take[Any]) -> Iterator[tuple[Any, Any]]:
        """As `Crew.work`."""
        distributed = _distributed()
        self._connect(distributed)
        futures: dict[Any, Any] = {}
        try:
            while True:
                pause = self._give(take, futures)
                if not futures:
                    if pause is None:
                        return
                    time.sleep(pause)
                    continue
                timeout = min(pause or _LOOK_SECONDS, _LOOK_SECONDS)
                done = self._await(timeout)
                if self._client.status != "running" or any(future.cancelled() for future in futures):
                    yield from self._again(distributed, futures)
                    continue
                for future in done:
                    unit = futures.pop(future, None)
                    if unit is None:
                        continue  # a task of a scheduler that has ended
                    try:
                        result = self._result(future)
                    except CancelledError:
                        self._left.append(unit)  # the scheduler ended, and another may have started already
                        continue
                    yield unit, result
                    future.release()  # results are in the ledger, and nowhere else
        finally:
            self._close()

    def _give(self, take: Take[Any], futures: dict[Any, Any]) -> float | None:
        while True:
            unit = self._left.pop() if self._left else take()
            if unit is None:
                return None
            if isinstance(unit, Pause):
                return unit.seconds
            self._numbers += 1
            sealed = self._sealer.seal(self._message(unit))
            arguments = (self._recipe, sealed, str(self._cluster.key_file))
            # The task's key is a number of this run. Dask does not retry: the ledger does.
            future = self._client.submit(
                run_sealed, *arguments, key=f"unit-{os.getpid()}-{self._numbers}", pure=False, retries=0
            )
            futures[future] = unit
            future.add_done_callback(self._done.put)

    def _await(self, timeout: float) -> list[Any]:
        """The completed futures, after waiting for the first one up to the timeout."""
        done: list[Any] = []
        with contextlib.suppress(queue.Empty):
            done.append(self._done.get(timeout=timeout))
            while True:
                done.append(self._done.get_nowait())
        return done

    def _result(self, future: Any) -> Any:
        if future.status == "error":
            error = future.exception()
            if isinstance(error, ConfigurationError):
                raise error
            return self._lost
        return future.result()

    def _again(self, distributed: Any, futures: dict[Any, Any]) -> Iterator[tuple[Any, Any]]:
        """Connect again after the scheduler has ended, and repeat the units that were running."""
        units = list(futures.values())
        futures.clear()
        self._close()
        end = time.monotonic() + _RECONNECT_SECONDS
        while True:
            try:
                self._connect(distributed)
            except ConfigurationError:
                if time.monotonic() > end:
                    for unit in units:
                        yield unit, self._lost
                    raise
                time.sleep(_LOOK_SECONDS)
            else:
                self._left += units
                return

    def _connect(self, distributed: Any) -> None:
        logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
        try:
            if self._cluster.scheduler == LOCAL:
                self._own = distributed.LocalCluster(
                    n_workers=self._cluster.workers,
                    threads_per_worker=self._cluster.slots,
                    host="127.0.0.1",
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
            address = self._own.scheduler_address if self._own is not None else self._cluster.scheduler
            self._client = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except TypeError:  # what it raises for lack of an SSL context
            self._close()
            raise ConfigurationError(
                "scheduler: TLS needs certificates; name them in DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
                "..._CLIENT__CERT and ..._CLIENT__KEY, or in Dask's configuration file"
            ) from None
        except (OSError, TimeoutError, ValueError):
            self._close()
            raise ConfigurationError(
                "scheduler: it cannot be reached; check its address, and that both sides trust the same certificates"
            ) from None

    def _close(self) -> None:
        client, own = self._client, self._own
        self._client = self._own = None
        with contextlib.suppress(Exception):
            if client is not None:
                client.close(timeout=_LOOK_SECONDS)
        with contextlib.suppress(Exception):
            if own is not None:
                own.close(timeout=_LOOK_SECONDS)


class _Sealer:
    """Encrypts with AES-256-GCM under a key derived from the project's."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(Keys(key).derive("jobs/workers"))

    def seal(self, thing: object) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, pickle.dumps(thing), None)

    def open(self, sealed: bytes) -> Any:
        """Decrypt and unpickle. Raises ConfigurationError for data under another key, which is never unpickled."""
        try:
            plain = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except InvalidTag:
            raise ConfigurationError("key_file: a worker has another key than the coordinator") from None
        return pickle.loads(plain)  # noqa: S301 - only the holder of the project key can have made it


@dataclass
class _Place:
    """A station and its event loop."""

    station: Station
    loop: asyncio.AbstractEventLoop


_places: dict[bytes, _Place] = {}
_making = threading.Lock()


def run_sealed(recipe: bytes, message: bytes, key_file: str) -> Any:
    """Run one unit on a worker. The station is created for the first unit, and kept."""
    from dicomveil_proxy.settings.key_files import read_key  # noqa: PLC0415 - needed on workers alone

    key = read_key(Path(key_file))
    sealer = _Sealer(key)
    name = hashlib.sha256(recipe).digest()
    with _making:
        place = _places.get(name)
        if place is None:
            place = _places[name] = _made(cast("Packed", sealer.open(recipe)).with_key(key))
    coroutine = cast("Any", place.station.perform(sealer.open(message)))
    return asyncio.run_coroutine_threadsafe(coroutine, place.loop).result()


def _made(recipe: Packed) -> _Place:
    logs.configure()
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True, name="dicomveil").start()
    try:
        return _Place(recipe(), loop)
    except EngineError as error:
        raise ConfigurationError(str(error)) from None


def _distributed() -> Any:
    try:
        import dask  # noqa: PLC0415 - an extra
        import distributed  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigurationError("scheduler: Dask is not installed; install dicomveil-proxy[dask]") from None
    # A unit that ended its worker's process has failed, and is not retried; and Dask's pages show none of our logs.
    dask.config.set({"distributed.scheduler.allowed-failures": 0, "distributed.admin.log-format": "%(levelname)s"})
    return distributed


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


__all__ = ["LOCAL", "Cluster", "DaskCrew", "run_sealed"]
