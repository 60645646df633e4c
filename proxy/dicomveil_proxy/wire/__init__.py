"""Message bodies and files: media types, multipart, JSON, XML, ZIP, and spools.

Nothing here de-identifies, or depends on what the data means.
"""
