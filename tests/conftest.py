"""What all tests share: how hard Hypothesis tries, and the folder of real instances beside the repository.

HYPOTHESIS_PROFILE=fast   a few examples, the same ones on every machine (default)
HYPOTHESIS_PROFILE=deep   many examples, new ones on every run
"""

from __future__ import annotations

import os
import signal
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from origin.orthanc import orthanc
from origin.postgresql import postgresql

__all__ = ["orthanc", "postgresql", "shared"]  # fixtures

# No deadlines and no complaint about slow data: both would make a test fail by a clock.
_CLOCKS = (HealthCheck.too_slow,)
settings.register_profile(
    "fast", max_examples=50, derandomize=True, database=None, deadline=None, suppress_health_check=_CLOCKS
)
settings.register_profile("deep", max_examples=2_000, print_blob=True, deadline=None, suppress_health_check=_CLOCKS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

# Shells start what is in the background with SIGINT ignored, which every process would inherit that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the repository: real instances, known answers, the standard's tables."""
    if not _SHARED.is_dir():
        pytest.skip("the folder `shared` is not there beside the repository")
    return _SHARED


@pytest.fixture
def corpus() -> Path:
    """Real instances: those of the folder `shared`, or where it is missing those that pydicom has for its own tests."""
    found = _SHARED / "corpus"
    return found if found.is_dir() else Path(str(files("pydicom") / "data" / "test_files"))


@pytest.fixture
def anyio_backend() -> str:
    """The proxy runs on asyncio."""
    return "asyncio"
