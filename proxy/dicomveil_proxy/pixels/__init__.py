"""Transcoding: another transfer syntax than the one an instance is stored in, for user agents that insist on it.

`frame` decodes and encodes one frame with the engine's codecs, `instance` rewrites a Part 10
instance frame by frame, `process` does either in a process of its own, `transcoder` runs such processes for the
event loop, and `spool` is the way in and out for instances. Codecs read hostile input in C: nothing here decodes
a pixel in the process that holds the key and the origin server's password.
"""

from dicomveil_proxy.pixels.frame import PixelDescription, can_transcode
from dicomveil_proxy.pixels.layouts import PixelLayouts
from dicomveil_proxy.pixels.spool import InstanceSpool
from dicomveil_proxy.pixels.transcoder import Transcoder, TranscodingLimits

__all__ = [
    "InstanceSpool",
    "PixelDescription",
    "PixelLayouts",
    "Transcoder",
    "TranscodingLimits",
    "can_transcode",
]
