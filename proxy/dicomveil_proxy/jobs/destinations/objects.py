"""An object store: S3, Azure or Google Cloud Storage, by obstore, whose credentials come from the environment.

Each instance is one conditional put: it is created, or exists with the same digest, or is refused. Its SHA-256 is in
the object's metadata.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NoReturn, cast

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations import (
    MARKER,
    DestinationError,
    InstanceRefused,
    PlacedFile,
    Staged,
    refuse_foreign,
    refuse_marker,
)
from dicomveil_proxy.jobs.destinations.spooled import SpooledStaged
from dicomveil_proxy.jobs.destinations.uploads import abort_uploads

ONE_REQUEST_BYTES = 64 << 20
"""Up to this size an object is put at once; beyond, in parts, which stay, unseen and paid for, if a run is stopped."""
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
_ALLOWED = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP")
_TYPE = "application/dicom"
_DIGEST = "sha256"
_UNEQUAL = "another object has the same name"


def open_store(url: str) -> Any:
    """The store at a URL. Raises ConfigurationError."""
    try:
        from obstore.store import from_url  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise ConfigurationError("to: object stores need obstore; install dicomveil-proxy[s3]") from None
    try:
        options: Any = {"user_agent": "dicomveil"}
        named = any(os.environ.get(name, "").startswith("http://") for name in _ENDPOINTS)
        if named or any(os.environ.get(name, "").lower() in ("1", "true") for name in _ALLOWED):
            options["allow_http"] = True  # such an endpoint is named on purpose
        return from_url(url, client_options=options)
    except Exception:  # noqa: BLE001 - its messages hold URLs and credentials
        raise ConfigurationError(
            "to: the object store cannot be opened; write s3://bucket/prefix and give credentials in the environment, "
            "such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None


class ObjectPlacing:
    """A worker's side."""

    def __init__(self, url: str) -> None:
        self._store = open_store(url)

    def stage(self) -> Staged:
        """As `Placing.stage`."""
        return SpooledStaged()

    async def place(self, staged: Staged, path: str, uids: tuple[str, str, str], sha256: bytes) -> None:
        """As `Placing.place`."""
        import obstore  # noqa: PLC0415 - an extra
        from obstore.exceptions import AlreadyExistsError  # noqa: PLC0415

        del uids
        spooled = cast("SpooledStaged", staged)
        spooled.file.seek(0)
        attributes: Any = {"Content-Type": _TYPE, _DIGEST: sha256.hex()}
        try:
            if spooled.size <= ONE_REQUEST_BYTES:
                await obstore.put_async(
                    self._store, path, spooled.file.read(), attributes=attributes, mode="create", use_multipart=False
                )
            elif not await self._has(path, sha256):
                await obstore.put_async(
                    self._store, path, spooled.file, attributes=attributes, chunk_size=16 << 20, max_concurrency=2
                )
        except AlreadyExistsError:
            if not await self._has(path, sha256):
                raise DestinationError("the object store refuses it") from None
        except InstanceRefused:
            raise
        except Exception:  # noqa: BLE001 - its messages hold URLs and credentials
            raise DestinationError("the object store refuses it") from None

    async def _has(self, path: str, sha256: bytes) -> bool:
        """Whether the object exists. Raises InstanceRefused if another object has the same name."""
        import obstore  # noqa: PLC0415 - an extra

        try:
            found = await obstore.get_async(self._store, path)
            said = {name.lower(): value for name, value in dict(found.attributes).items()}.get(_DIGEST)
            if said is None:
                digest = hashlib.sha256(usedforsecurity=False)
                async for chunk in found.stream():
                    digest.update(chunk)
                said = digest.hexdigest()
        except FileNotFoundError:
            return False
        except Exception:  # noqa: BLE001
            raise DestinationError("the object store does not answer") from None
        if said != sha256.hex():
            raise InstanceRefused(_UNEQUAL)
        return True

    async def aclose(self) -> None:
        """It closes itself."""


class ObjectDestination:
    """The coordinator's side."""

    holds_files = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._store = open_store(url)

    def prepare(self, marker: bytes, *, shared: bool) -> None:
        """As `Destination.prepare`; two runs with different ledgers do not notice each other."""
        import obstore  # noqa: PLC0415 - an extra
        from obstore.exceptions import AlreadyExistsError  # noqa: PLC0415

        try:
            held = self._marker()
            if held is None:
                self._demand_empty()
                obstore.put(self._store, MARKER, marker, mode="create", use_multipart=False)
            elif held != marker:
                self._refuse_other()
            if not shared:
                abort_uploads(self._url)
        except ConfigurationError:
            raise
        except AlreadyExistsError:
            raise ConfigurationError("to: another run has just started there; wait until it has ended") from None
        except Exception:  # noqa: BLE001 - its messages hold URLs and credentials
            raise ConfigurationError(
                "to: the object store does not answer, or refuses access; check the bucket's name, AWS_ENDPOINT_URL "
                "and the credentials in the environment"
            ) from None

    def _demand_empty(self) -> None:
        if any(True for _ in ObjectHoldings(self._store).names()):
            raise refuse_foreign()

    def _refuse_other(self) -> NoReturn:
        raise refuse_marker()

    def _marker(self) -> bytes | None:
        import obstore  # noqa: PLC0415 - an extra

        try:
            return bytes(obstore.get(self._store, MARKER).bytes())
        except FileNotFoundError:
            return None

    def missing(self, placed: Iterable[PlacedFile]) -> Iterator[PlacedFile]:
        """As `Destination.missing`: both are sorted by name, so that neither is held."""
        held = iter(ObjectHoldings(self._store).sorted_names())
        name, size = next(held, (None, 0))
        for each in placed:
            while name is not None and name < each.path:
                name, size = next(held, (None, 0))
            if name != each.path or size != each.size:
                yield each

    def synchronise(self) -> None:
        """Do nothing: stored objects are durable."""

    def put(self, path: str, file: BinaryIO) -> None:
        """As `Destination.put`."""
        import obstore  # noqa: PLC0415 - an extra

        try:
            obstore.put(self._store, path, file.read(), use_multipart=False)
        except Exception:  # noqa: BLE001
            raise DestinationError("the object store refuses the manifest and checksums") from None

    def finish(self) -> None:
        """Do nothing: the manifest, written last, shows that all other objects exist."""

    def close(self) -> None:
        """It closes itself."""


class ObjectHoldings:
    """The objects below a prefix."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def names(self) -> Iterator[tuple[str, int]]:
        """All objects. Raises ConfigurationError."""
        import obstore  # noqa: PLC0415 - an extra

        try:
            for chunk in obstore.list(self._store):
                for each in chunk:
                    yield str(each["path"]), int(each["size"])
        except Exception:  # noqa: BLE001
            raise ConfigurationError("to: the object store cannot be listed") from None

    def sorted_names(self) -> Iterator[tuple[str, int]]:
        """S3 and Google list in this order; for other stores all names are held in memory."""
        before = ""
        names = self.names()
        for name, size in names:
            if name < before:
                yield from sorted([(name, size), *names])
                return
            before = name
            yield name, size

    def open(self, name: str) -> BinaryIO:
        """One of them, whole in memory up to its size."""
        import obstore  # noqa: PLC0415 - an extra

        try:
            return io.BufferedReader(_Chunks(iter(obstore.get(self._store, name).stream())), 1 << 20)
        except Exception:  # noqa: BLE001
            raise OSError from None


class _Chunks(io.RawIOBase):
    """A stream of chunks as a file."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(bytes(next(self._chunks, b"")))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
