"""The OHIF viewer as its makers built it, fetched once by npm and kept in `.ohif/`.

The package holds the finished viewer, so nothing of it is built or installed, and no script of it runs outside
a browser. What npm brings is taken only if it is, bit for bit, what was looked at.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

VERSION = "3.13.2"
"""That of deploy/compose.yaml."""
INTEGRITY = "sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
"""Of the package, in the form of package-lock.json."""
FOLDER = Path(__file__).resolve().parents[2] / ".ohif"

_FETCH_SECONDS = 300


def viewer() -> Path:
    """The folder with OHIF's index.html; fetched if it is not here yet.

    Raises ConnectionError when npm cannot bring it, ValueError when it brings something else.
    """
    folder = FOLDER / VERSION
    if not folder.is_dir():
        FOLDER.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as temporary:
            unpacked = _unpacked(_fetched(Path(temporary)), Path(temporary) / "unpacked")
            try:
                unpacked.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster
                    raise
    return folder


def _fetched(folder: Path) -> Path:
    npm = shutil.which("npm")
    assert npm is not None
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder), f"@ohif/app@{VERSION}"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_FETCH_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise ConnectionError("npm could not fetch the OHIF viewer") from None
    (package,) = folder.glob("*.tgz")
    digest = hashlib.sha512(package.read_bytes()).digest()
    if f"sha512-{base64.b64encode(digest).decode()}" != INTEGRITY:
        raise ValueError("what npm brought is not the OHIF viewer that is expected")
    return package


def _unpacked(package: Path, folder: Path) -> Path:
    """The package's `dist`, without source maps: three quarters of it, and for OHIF's own developers."""
    with tarfile.open(package) as archive:
        members = [
            member
            for member in archive
            if PurePosixPath(member.name).is_relative_to("package/dist") and not member.name.endswith(".map")
        ]
        archive.extractall(folder, members, filter="data")
    return folder / "package" / "dist"
