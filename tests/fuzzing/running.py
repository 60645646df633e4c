"""How a target is run on one input, and for a while: by atheris where it is installed, by mutation where not."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

MOST_SECONDS = 5.0
"""CPU for one input."""
MOST_BYTES = 4 << 30
"""Address space of a target's process: what asks for more gets MemoryError, which is a finding."""
LONGEST = 1 << 16
_TOKENS = (
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\r\n",
    b"--",
    b'"',
    b"{",
    b"[",
    b"\\",
)


class TooSlow(AssertionError):
    """One input took too long."""


def check(run: Callable[[bytes], object], documented: tuple[type[Exception], ...], data: bytes) -> None:
    """Run a target on one input; return where all is as documented."""
    begun = time.process_time()
    with suppress(*documented):
        run(data)
    took = time.process_time() - begun
    if took > MOST_SECONDS:
        raise TooSlow(f"{took:.1f} s of CPU for {len(data)} bytes")


def mutated(rng: Random, data: bytes, other: bytes) -> bytes:
    """Damage an input in a few places."""
    made = bytearray(data[:LONGEST])
    for _ in range(1 << rng.randrange(5)):
        at = rng.randrange(len(made) + 1)
        match rng.randrange(8):
            case 0:
                made[at : at + 1] = bytes((rng.randrange(256),))
            case 1:
                del made[at : at + rng.choice((1, 1, 2, 4, 8, 64))]
            case 2:
                made[at:at] = made[at : at + rng.randrange(1, 64)]
            case 3:
                made[at : at + rng.choice((0, 1, 4))] = rng.choice(_TOKENS)
            case 4:
                start = rng.randrange(len(other) + 1)
                made[at : at + rng.randrange(32)] = other[start : start + rng.randrange(64)]
            case 5 if at < len(made):
                made[at] ^= 1 << rng.randrange(8)
            case 6 if at + 2 <= len(made):
                number = int.from_bytes(made[at : at + 2], "little") + rng.randint(-4, 4)
                made[at : at + 2] = (number & 0xFFFF).to_bytes(2, "little")
            case _ if rng.random() < 0.1:
                del made[at:]
    return bytes(made)


def by_mutation(
    run: Callable[[bytes], None], seeds: list[bytes], seconds: float, seed: int, *, most: int | None = None
) -> int:
    """Run damaged inputs for so long, or so many; the number of them. Raises the first finding, which has its input."""
    rng, pool, count = Random(seed), [*seeds], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and count != most:
        data = mutated(rng, rng.choice(pool), rng.choice(pool))
        try:
            run(data)
        except BaseException as error:
            error.data = data  # type: ignore[attr-defined]
            raise
        count += 1
        if len(pool) < 2_000 and rng.random() < 0.05:
            pool.append(data)
    return count


def kept(folder: Path, data: bytes) -> Path:
    """The file in which an input is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"crash-{hashlib.sha256(data).hexdigest()[:16]}"
    path.write_bytes(data)
    return path
