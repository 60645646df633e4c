"""Bodies as they travel: media types, multipart, JSON, XML, and bytes that wait.

Nothing here knows what the bytes mean.
"""
