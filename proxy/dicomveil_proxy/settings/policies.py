"""The setting `profile`: the name of a preset, or the path of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def configuration_of(profile: str | Path) -> Mapping[str, object] | Path:
    """The argument for `load_policy`. A name is a path if such a file exists, or if it has a suffix."""
    path = Path(profile)
    is_file = isinstance(profile, Path) or path.suffix or path.exists()
    return path if is_file else {"profile": str(profile)}
