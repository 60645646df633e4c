"""Write docs/conformance.md: the conformance statement (PS3.15 Section E.1.3) of the presets that claim conformance.

    python scripts/generate_conformance.py

The engine makes it (`dicomveil_engine.reports.conformance`); a test keeps the file equal to what this script makes.
"""

from __future__ import annotations

from pathlib import Path

from dicomveil_engine import load_policy
from dicomveil_engine.configuration.presets import PRESETS
from dicomveil_engine.reports.conformance import conformance_statement

TARGET = Path(__file__).parents[1] / "docs" / "conformance.md"


def document() -> str:
    """The whole statement."""
    policies = [load_policy({"profile": name}, bytes(32)) for name in PRESETS]
    return conformance_statement([policy for policy in policies if policy.claims is not None])


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
    print(f"{TARGET.name}: written")
