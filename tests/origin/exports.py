"""`dicomveil export` as a user starts it, for the tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dicomveil_proxy.jobs.destinations import MARKER
from proxy.exporting import tree
from proxy.instances import over_attributes

KEY = bytes(range(32))
"""The project key of all exports."""


class Exporter:
    """One job's command line."""

    def __init__(self, folder: Path, origin: str, to: str = "out", *options: str) -> None:
        self.folder = folder
        self.out = folder / to
        self.report = folder / "report.csv"
        key = folder / "key"
        if not key.exists():
            key.write_text(KEY.hex())
            key.chmod(0o600)
        self.arguments = ["--origin", origin, "--key-file", "key", "--to", to, "--state", "state"]
        self.arguments += ["--profile", over_attributes("default")]
        self.arguments += ["--report", "report.csv", "--query", "PatientID=ZQX*", *options]

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Begin a run; what it says is in the folder's log."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DICOMVEIL_")}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dicomveil_proxy", "export", *self.arguments, *options],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, *options: str) -> int:
        """A run to its end; its exit status."""
        return self.start(*options).wait(300)

    @property
    def said(self) -> str:
        """All that runs have said."""
        return (self.folder / "log").read_text()

    def held(self) -> dict[str, bytes]:
        """Names and bytes of what is at the destination, but for what names the job."""
        return {name: data for name, data in tree(self.out).items() if name != MARKER}

    def statuses(self) -> dict[str, int]:
        """How many studies have which status."""
        counts: dict[str, int] = {}
        for line in self.report.read_text().splitlines()[1:]:
            status = line.split(",")[2]
            counts[status] = counts.get(status, 0) + 1
        return counts
