"""`dicomveil verify`: compares an output with its checksums."""

from __future__ import annotations

import sys

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.names import printable
from dicomveil_proxy.jobs.verification import Fault, verify

DIFFERS = 1
"""Exit status: a file is missing, changed or unexpected."""
_LISTED = 20


def run(to: str) -> None:
    """Verify an output; exit with 0 if it is intact, 1 if not, 2 if that cannot be determined."""
    faults = 0

    def report(fault: Fault) -> None:
        nonlocal faults
        faults += 1
        if faults <= _LISTED:
            print(f"{printable(fault.name)}: {fault.what}", file=sys.stderr)

    try:
        right = verify(To(to).holdings(), report)
    except ConfigurationError as error:
        refuse(str(error))
    more = f", of which {_LISTED} are listed" if faults > _LISTED else ""
    print(f"complete and unchanged: {right:,}; faults: {faults:,}{more}")
    if faults:
        sys.exit(DIFFERS)
