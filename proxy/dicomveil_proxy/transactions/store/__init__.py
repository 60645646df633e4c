"""Store (STOW-RS, PS3.18 Section 10.5): instances come in, and what the project makes of them is stored.

    store_request.py          one request: its parts, one after the other
    part10.py                 instances from metadata and bulk data (DICOM JSON)
    intake.py                 one instance that is received: de-identified,
    reidentified_instance.py  or re-identified to match its original
    response.py               what became of each, as reported to the sender
    reasons.py                why one was not stored

Each instance is sent on alone, so that one that fails does not harm the others, and nothing is reported stored that
the origin server did not name in its own answer.
"""

from dicomveil_proxy.transactions.store.response import StoreResponse
from dicomveil_proxy.transactions.store.store_request import StoreRequest, refuse

__all__ = ["StoreRequest", "StoreResponse", "refuse"]
