"""`dicomveil demo`: the proxy with pydicom's test instances, on this machine only; its files are deleted at the end.

It reads neither environment variables nor a settings file.
"""

from __future__ import annotations

import logging
import shutil
import socket
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import uvicorn
from pydicom import dcmread

from dicomveil_engine import ConfigurationError, EngineError, Policy
from dicomveil_engine.part10.rewriter import rewritten_instance
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.gate import PixelAction, gate
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.serve import STARTUP_FAILED, base_url, ended_by_signals, listen, server_config
from dicomveil_proxy.service.application import policy_of
from dicomveil_proxy.settings.projects import projects_of
from dicomveil_proxy.settings.server import Settings

_HOST = "127.0.0.1"
_PORT = 8080
_GRACEFUL_SECONDS = 1
_BROKEN = frozenset(("badVR.dcm",))
"""A deliberately broken instance: its Number of Frames is not a number, so that the proxy refuses its metadata."""
_ULTRASOUND = "examples_palette.dcm"
"""A frame with much text in it."""
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_TAGS = ("0020000D", "0020000E", "00080018")


def run(port: int | None) -> None:
    """Serve until Ctrl-C, or refuse."""
    try:
        listening = _listen_somewhere() if port is None else listen(_HOST, port)
    except ConfigurationError as error:
        refuse(str(error))
    started = True  # or asked to stop before
    with listening, ended_by_signals(), TemporaryDirectory(prefix="dicomveil-demo-") as folder:
        settings = _settings(Path(folder))
        server = _Demo(settings, listening, _ultrasound(settings))
        server.run([listening])
        started = server.started
    if not started:
        sys.exit(STARTUP_FAILED)
    print("\nstopped; nothing is left")


class _Demo(uvicorn.Server):
    """A server that prints requests to try when it has started."""

    def __init__(self, settings: Settings, listening: socket.socket, ultrasound: Sequence[str]) -> None:
        super().__init__(server_config(settings, graceful_seconds=_GRACEFUL_SECONDS))
        self._url = base_url(settings, listening)
        self._ultrasound = ultrasound

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and retrieve an instance from ourselves as a user agent would."""
        await super().startup(sockets)
        logging.disable(logging.INFO)  # our own request is not an event
        transport = httpx.ASGITransport(self.config.loaded_app)
        async with httpx.AsyncClient(transport=transport) as user_agent:
            found = await user_agent.get(f"{self._url}/instances", params={"limit": "1"})
        logging.disable(logging.NOTSET)
        found.raise_for_status()
        print(_to_try(self._url, [found.json()[0][tag]["Value"][0] for tag in _TAGS], self._ultrasound), flush=True)


def _settings(folder: Path) -> Settings:
    """Fill a folder with a key, an empty state and the instances, and return settings for it."""
    key_file, origin = folder / "project.key", folder / "origin"
    write_key(key_file)
    origin.mkdir()
    # Not validated, because that would also read the environment.
    settings = Settings.model_construct(
        origin=str(origin), key_file=key_file, profile="default", state=folder / "state", host=_HOST
    )
    fill(origin, policy_of(projects_of(settings)[0]))
    return settings


def _ultrasound(settings: Settings) -> list[str]:
    """The pseudonyms of study, series and instance of an ultrasound image; none where it is not served, because what
    covers text is not installed."""
    path = Path(str(settings.origin), _ULTRASOUND)
    if not path.exists():
        return []
    header = dcmread(path, stop_before_pixels=True)
    policy = policy_of(projects_of(settings)[0])
    return [policy.pseudonym_uid(str(header[keyword].value)) for keyword in _UIDS]


def fill(folder: Path, policy: Policy) -> None:
    """Copy pydicom's instances that have UIDs and can be de-identified by the policy, each once."""
    seen: set[str] = set()
    with as_file(files("pydicom") / "data" / "test_files") as shipped:
        for path in sorted(shipped.glob("*.dcm")):
            uid = _identified(path)
            if uid is not None and uid not in seen and _can_be_deidentified(path, policy):
                seen.add(uid)
                shutil.copyfile(path, folder / path.name)


def _identified(path: Path) -> str | None:
    """The SOP Instance UID of a valid instance with UIDs of study and series."""
    if path.name in _BROKEN:
        return None
    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=[*_UIDS])
        uids = [str(header.get(keyword, "")) for keyword in _UIDS]
    except Exception:  # noqa: BLE001 - some are broken on purpose, and pydicom raises many types
        return None
    return uids[-1] if all(uids) else None


def _can_be_deidentified(path: Path, policy: Policy) -> bool:
    data = path.read_bytes()
    try:
        instance = read_instance(data)
        assert instance is not None
        # Pixels are searched for text when a user agent requests them.
        verdict = gate(PixelHeader.from_elements(instance), policy.pixels)
        rewritten_instance(data, policy)
    except EngineError:
        return False
    return verdict.action is not PixelAction.REFUSE


def _listen_somewhere() -> socket.socket:
    """The default port, or a free one if it is in use."""
    try:
        return listen(_HOST, _PORT)
    except ConfigurationError:
        return listen(_HOST, 0)


def _to_try(url: str, uids: Sequence[str], ultrasound: Sequence[str]) -> str:
    study, series, instance = uids
    picture = ""
    if ultrasound:
        path = "studies/{}/series/{}/instances/{}".format(*ultrasound)
        picture = f"""
To see an ultrasound whose text is covered, open this URL in a browser, or write it to a file:

  curl -o ultrasound.jpg '{url}/{path}/rendered'
"""
    return f"""\
dicomveil serves test images, de-identified, at

  {url}

Search for studies, read the metadata of one, retrieve an instance:

  curl '{url}/studies?limit=5'
  curl '{url}/studies/{study}/metadata'
  curl -H 'Accept: application/dicom' -o instance.dcm \\
    '{url}/studies/{study}/series/{series}/instances/{instance}'
{picture}
Press Ctrl-C to stop it."""
