"""Store (STOW-RS, PS3.18 Section 10.5): instances come in, and what the project makes of them is stored.

    storing.py       one request: its parts, one after the other
    part10.py        instances from metadata and bulk data (DICOM JSON)
    intake.py        one instance on its way in: de-identified,
    homecoming.py    or re-identified to match its original
    response.py      what became of each, as reported to the sender
    reasons.py       why one was not stored

Each instance is sent on alone, so that one that fails does not harm the others, and nothing is reported stored that
the origin server did not name in its own answer.
"""

from dicomveil_proxy.transactions.store.response import StoreResponse
from dicomveil_proxy.transactions.store.storing import Storing, refuse

__all__ = ["StoreResponse", "Storing", "refuse"]
