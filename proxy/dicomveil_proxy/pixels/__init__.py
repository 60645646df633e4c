"""Pixels: transcoding, rendering, and finding and covering text, in child processes.

    transcoder, process              transcoding: runs child processes; the child process
      frame, instance, spool           one frame; a Part 10 instance; its temporary files
      pictures                         rendered pictures of an origin server, encoded again
    looking, looking_process         text in pixels: verdicts and boxes; the child process
      processes                        runs these child processes
      records, records_sqlite, ...     boxes that were found
      released                         covered instances in temporary files
    frames, layouts                  frames of a stored instance; layouts of native pixels
    render, looks                    a frame as a picture; its rendering parameters

Codecs are written in C and read untrusted input: no pixel is decoded in a process that has keys or passwords.
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
