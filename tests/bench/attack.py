"""Attacks on a running proxy, one after the other, beside a viewer's traffic: how long others wait, and what is left.

    python -m bench.attack [SECONDS]

starts a proxy on a folder of generated instances. Figures depend on what else the machine does.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from bench.instances import ct
from origin.proxy import Proxy, running_proxy

Attack = Callable[[Proxy], None]
_PAUSE = 0.02
_BACK = 20
"""Megabytes within which it is to come back."""
_SETTLED = 15.0
"""Seconds after which memory is back: long work is followed by a trim, at most every ten seconds."""


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    """In Explicit VR Little Endian."""
    value += b" " * (len(value) % 2)
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def with_elements(extra: bytes) -> bytes:
    """A CT slice with more elements before its StudyInstanceUID."""
    whole = ct(rows=8, columns=8)
    place = whole.index(struct.pack("<HH", 0x0020, 0x000D))
    return whole[:place] + extra + whole[place:]


def names_and_texts(count: int) -> bytes:
    """An instance with many names, and as many texts to be cleaned of them."""
    block = element(0x0019, 0x0010, b"LO", b"ACME")
    names = b"".join(element(0x0019, 0x1000 + n, b"PN", b"Doe%d^Jane%d" % (n, n)) for n in range(count))
    texts = b"".join(element(0x0019, 0x1000 + count + n, b"LO", b"text %d of Doe%d" % (n, n)) for n in range(count))
    return with_elements(block + names + texts)


def multipart(kind: str, *contents: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of a store request."""
    head = f"--b\r\nContent-Type: {kind}\r\n\r\n".encode()
    body = b"".join(head + each + b"\r\n" for each in contents) + b"--b--\r\n"
    return {"Content-Type": f'multipart/related; type="{kind}"; boundary=b'}, body


def store(kind: str, *contents: bytes) -> Attack:
    """A store request, again and again."""
    headers, body = multipart(kind, *contents)

    def post(proxy: Proxy) -> None:
        httpx.post(f"{proxy.base_url}/studies", headers=headers, content=body, timeout=120)

    return post


def empty_parts(proxy: Proxy) -> None:
    """20,000 parts without content."""
    headers, _ = multipart("application/dicom")
    body = b"--b\r\n\r\n\r\n" * 20_000 + b"--b--"
    httpx.post(f"{proxy.base_url}/studies", headers=headers, content=body, timeout=120)


def heads(proxy: Proxy) -> None:
    """A hundred request heads without an end."""
    host, port = proxy.url.removeprefix("http://").split(":")
    connections = [socket.create_connection((host, int(port))) for _ in range(100)]
    with suppress(OSError):
        for connection in connections:
            connection.sendall(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 30_000)
    for connection in connections:
        connection.close()


ATTACKS: dict[str, Attack] = {
    "nothing": lambda _: time.sleep(0.5),
    "request heads without an end": heads,
    "20,000 empty parts": empty_parts,
    "5,000 parts that are not DICOM": store("application/dicom", *[b"x"] * 5_000),
    "3,000 JSON objects": store("application/dicom+json", json.dumps([{}] * 3_000).encode()),
    "a JSON object of 8 MB": store(
        "application/dicom+json",
        json.dumps([{f"{0x00190000 + n:08X}": {"vr": "LO", "Value": [f"text {n}"]} for n in range(150_000)}]).encode(),
    ),
    "2,000 names and as many texts": store("application/dicom", names_and_texts(2_000)),
    "25,000 names and as many texts": store("application/dicom", names_and_texts(25_000)),
}


@contextmanager
def viewer(proxy: Proxy, waits: list[float]) -> Iterator[None]:
    """Somebody who looks at the study list meanwhile."""
    is_over = threading.Event()

    def look() -> None:
        with httpx.Client(timeout=120) as client:
            while not is_over.wait(_PAUSE):
                for url in (f"{proxy.url}/healthz", f"{proxy.base_url}/studies?limit=5"):
                    begun = time.perf_counter()
                    client.get(url)
                    waits.append(time.perf_counter() - begun)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def memory(proxy: Proxy) -> float:
    """Megabytes that the process has."""
    text = Path(f"/proc/{proxy.process.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def main(seconds: float) -> None:
    """Print a line for each attack."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "origin").mkdir()
        for number in range(5):
            (folder / "origin" / f"{number}.dcm").write_bytes(ct(rows=64, columns=64))
        with running_proxy(folder, str(folder / "origin")) as proxy:
            for attack in ATTACKS.values():
                attack(proxy)  # what the first of its kind loads stays
            time.sleep(_SETTLED)
            before = memory(proxy)
            for title, attack in ATTACKS.items():
                waits: list[float] = []
                end, times = time.monotonic() + seconds, 0
                with viewer(proxy, waits):
                    while time.monotonic() < end:
                        attack(proxy)
                        times += 1
                waits.sort()
                at_once, end = memory(proxy) - before, time.monotonic() + _SETTLED
                while memory(proxy) - before > _BACK and time.monotonic() < end:
                    time.sleep(0.1)
                median = waits[len(waits) // 2]
                print(
                    f"{title:35} {times:4} times  {len(waits):5} requests  median {median * 1e3:5.0f} ms"
                    f"  worst {waits[-1] * 1e3:5.0f} ms"
                    f"  memory {at_once:+5.0f} MB, then {memory(proxy) - before:+5.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 7.0)
