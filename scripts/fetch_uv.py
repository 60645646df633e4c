"""Put uv into a folder with nothing but Python's standard library: for machines without venv and without pip.

    python3 scripts/fetch_uv.py .uv 'uv>=0.11'

It takes the newest pip from the package index that uv.lock names, checks its digest, and lets it install uv.
`make install` calls this only where venv does not work, as on Debian with the package python3 alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

_JSON = "application/vnd.pypi.simple.v1+json"
_UNIVERSAL_WHEEL = re.compile(r"pip-(\d+(?:\.\d+)+)-py3-none-any\.whl")


def main(folder: str, requirement: str) -> None:
    """Install what the requirement asks for into the folder."""
    index = os.environ.get("PIP_INDEX_URL") or _index()
    wheel = _newest(json.loads(_get(f"{index.rstrip('/')}/pip/", _JSON))["files"])
    content = _get(urljoin(f"{index.rstrip('/')}/pip/", wheel["url"]))
    if hashlib.sha256(content).hexdigest() != wheel["hashes"]["sha256"]:
        raise SystemExit("the package index gave a pip whose digest is wrong")
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, wheel["filename"])
        path.write_bytes(content)
        # A wheel is a zip file, and Python runs a package out of one.
        options = ["--quiet", "--root-user-action=ignore", "--target", folder]
        command = [sys.executable, str(path / "pip"), "install", *options, requirement]
        subprocess.run(command, check=True)  # noqa: S603


def _index() -> str:
    lock = tomllib.loads((Path(__file__).parents[1] / "uv.lock").read_text())
    index: str = next(p["source"]["registry"] for p in lock["package"] if "registry" in p["source"])
    return index


def _newest(files: list[dict[str, Any]]) -> dict[str, Any]:
    """The newest release of pip: no pre-releases, whose versions have letters; nothing withdrawn."""
    found = [(m[1], f) for f in files if not f.get("yanked") and (m := _UNIVERSAL_WHEEL.fullmatch(f["filename"]))]
    return max(found, key=lambda pair: [int(part) for part in pair[0].split(".")])[1]


def _get(url: str, accept: str = "*/*") -> bytes:
    if not url.startswith("https://"):
        raise SystemExit("the package index is not reached by https")
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        content: bytes = response.read()
        return content


if __name__ == "__main__":
    main(*sys.argv[1:])
