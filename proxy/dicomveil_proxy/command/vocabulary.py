"""`dicomveil vocabulary`: counts of an archive's words, as keyed digests, with which cleaning recognises names."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.vocabulary import summary_of
from dicomveil_proxy.command.profile import key_of
from dicomveil_proxy.command.refusal import refuse, sigterm_as_interrupt
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.jobs.source import Source
from dicomveil_proxy.jobs.vocabulary import Counts, count, write

_SOMETHING_MISSING = 1
_INTERRUPTED = 130
_CONNECTIONS = 4
_SECONDS_BETWEEN_LINES = 5.0


def build(origin: str | None, folder: Path | None, key_file: Path | None, output: Path) -> None:
    """Count the words and write the file, or refuse. After an interruption, the same command resumes."""
    if (origin is None) == (folder is None):
        refuse("give one of --origin URL and -I FOLDER")
    if folder is not None and not folder.is_dir():
        refuse("-I: there is no such folder")
    if key_file is None:
        refuse("give the project key with --key-file; the words are kept as its digests")
    if output.exists():
        refuse("-o: there is a file of that name; give another, for nothing is overwritten")
    partial = output.with_name(output.name + ".counts")
    try:
        keys = Keys(key_of(key_file))
        source = Source(str(folder) if folder is not None else str(origin))
        counts = Counts(partial, keys)
        try:
            with sigterm_as_interrupt():
                failed = asyncio.run(_count(source, counts))
            if not counts.patients:
                refuse("no study was found; nothing was written")
            write(output, counts, keys)
        finally:
            counts.close()
        partial.unlink()
    except ConfigurationError as error:
        refuse(str(error))
    except ProxyError as error:
        print(f"dicomveil: origin: {error}; the same command resumes", file=sys.stderr)
        sys.exit(_SOMETHING_MISSING)
    except OSError as error:
        refuse(f"-o: it cannot be written ({error.strerror})")
    except KeyboardInterrupt:
        print("dicomveil: interrupted; the same command resumes", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    show(output)
    if failed:
        print(f"{failed} studies could not be read and are not counted", file=sys.stderr)
        sys.exit(_SOMETHING_MISSING)


def show(file: Path) -> None:
    """Print the counts of a file, which contains no words."""
    try:
        summary = summary_of(file.read_bytes())
    except OSError as error:
        refuse(f"the vocabulary cannot be read ({error.strerror})")
    except ConfigurationError as error:
        refuse(str(error))
    print(f"digest           {summary.digest}")
    print(f"patients         {summary.patients}")
    print(f"words            {summary.words}")
    print(f"  in one patient {summary.in_one_patient}")
    print(f"  of names       {summary.words_of_names}")
    print(f"  taken as names {summary.names}")


async def _count(source: Source, counts: Counts) -> int:
    last = time.monotonic()

    def seen(done: int, failed: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{done} studies counted, {failed} left out", file=sys.stderr)

    origin = source.open(_CONNECTIONS)
    try:
        return await count(origin, counts, seen)
    finally:
        await origin.aclose()
