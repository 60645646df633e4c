"""The leak guard in requests: what it found in an instance is judged beside the event loop.

Metadata and results are judged at once: that reads nothing with pydicom.
"""

from __future__ import annotations

from dicomveil_proxy.leaks.guard import Watch
from dicomveil_proxy.turns import beside


async def settle(watch: Watch) -> None:
    """Record the findings so far, before anything of what was inspected is sent.

    Raises NotReleasable, and AuditUnavailable.
    """
    if watch.has_hits:
        await beside(watch.judge)
    watch.settle()
