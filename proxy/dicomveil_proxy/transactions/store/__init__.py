"""Store (STOW-RS, PS3.18 Section 10.5): instances are received, de-identified or re-identified, and stored.

    store_request.py          one request, part by part
    part10.py                 Part 10 instances from metadata and bulk data
    intake.py                 one received instance, de-identified
    reidentified_instance.py  one received instance, re-identified to match its original
    response.py               the outcome of each instance, as reported to the sender
    reasons.py                failure reasons

Each instance is sent to the origin server by itself, so that one failure does not affect the others. An instance is
reported as stored only if the origin server's response names it.
"""

from dicomveil_proxy.transactions.store.response import StoreResponse
from dicomveil_proxy.transactions.store.store_request import StoreRequest, refuse

__all__ = ["StoreRequest", "StoreResponse", "refuse"]
