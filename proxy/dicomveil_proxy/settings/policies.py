"""What names a policy wherever one is asked for: a shipped preset, or the file of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def configuration_of(profile: str | Path) -> Mapping[str, object] | Path:
    """As `load_policy` takes it. A file is one that is there, or whose name has an ending."""
    path = Path(profile)
    is_file = isinstance(profile, Path) or path.suffix or path.exists()
    return path if is_file else {"profile": str(profile)}
