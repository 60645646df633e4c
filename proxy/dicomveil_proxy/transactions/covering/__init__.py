"""Retrieving instances whose pixels may contain text: the text is found and covered, or the instance is refused.

    passing      instances that certainly need no search, de-identified while they arrive
    read_ahead   the other instances of a response, read in advance
    arrival      one of them: header → verdict → boxes from the cache, or from searching the spooled instance
    instances    de-identified and covered: while they arrive, or in a child process if frames are compressed
    released     one covered instance in a file, for frames, bulk data and pictures
    documents    the covered pages of an encapsulated PDF
    metadata     attributes that describe the covered pixels

All retrieve transactions use these instances, so that they show the same pixels.
"""
