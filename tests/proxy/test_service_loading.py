"""What is loaded when a server is ready, and what afterwards, without holding up anybody."""

from __future__ import annotations

import ast
import asyncio
import importlib
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.service import loading
from dicomveil_proxy.service.loading import Loading, Stage

pytestmark = pytest.mark.anyio

HEAVY = {
    *("pydicom", "numpy", "PIL", "imagecodecs", "sqlalchemy", "fastapi", "aiohttp", "httpx", "joserfc", "requests"),
    *("cryptography.x509", "opentelemetry.sdk", "typer", "rich"),
}
SERVE = ["serve", "--key-file", "key", "--port", "0", "--state", "state", "--origin"]
WHEN_READY = f"""
import json, os, signal, sys
from dicomveil_proxy.service.loading import Loading
def begin(self):
    print(json.dumps(sorted({HEAVY!r} & set(sys.modules))), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
Loading.begin = begin
from dicomveil_proxy.command import main
main()
"""
"""Begins to load when it is ready: says what is there, and ends."""

IN_THE_LOOP = """
import json, os, re, signal, sys, threading, http.client
imported, is_ready = [], False
loop = threading.get_ident()
def hear(event, arguments):
    if event == "import" and is_ready and threading.get_ident() == loop:
        imported.append(arguments[0])
sys.addaudithook(hear)

def ask(port):
    global is_ready
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    def asked(path, accept="application/dicom+json", method="GET", body=None, **headers):
        connection.request(method, path, body, {"Accept": accept, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    assert asked("/healthz")[0] == 200
    is_ready = True
    statuses = []
    _, found = asked("/dicom-web/studies")
    for study in [study["0020000D"]["Value"][0] for study in json.loads(found)]:
        place = f"/dicom-web/studies/{study}"
        _, found = asked(place + "/metadata")
        metadata = json.loads(found)[0]
        place += f"/series/{metadata['0020000E']['Value'][0]}/instances/{metadata['00080018']['Value'][0]}"
        def related(kind, syntax="*"):
            return f'multipart/related; type="{kind}"; transfer-syntax={syntax}'
        statuses += [
            asked(place + "/metadata", 'multipart/related; type="application/dicom+xml"')[0],
            asked(place, related("application/dicom"))[0],
            asked(place, related("application/dicom", "1.2.840.10008.1.2.4.80"))[0],
            asked(place + "/frames/1", related("application/octet-stream"))[0],
            asked(place + "/rendered", "image/jpeg")[0],
            asked(place + "/thumbnail", "image/png")[0],
            asked(place + "/bulk/7fe00010", related("application/octet-stream"))[0],
        ]
        document = json.dumps([{k: v for k, v in metadata.items() if "BulkDataURI" not in v}])
        for kind, part in (("application/dicom+json", document.encode()), ("application/dicom", b"nothing")):
            body = b"--x\\r\\nContent-Type: %b\\r\\n\\r\\n%b\\r\\n--x--\\r\\n" % (kind.encode(), part)
            headers = {"Content-Type": f'multipart/related; type="{kind}"; boundary=x'}
            statuses.append(asked("/dicom-web/studies", method="POST", body=body, **headers)[0])
    print(json.dumps([statuses, imported]), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

class Standard:
    def write(self, text):
        sys.__stdout__.write(text)
        if found := re.search(r"http://127.0.0.1:([0-9]+)/dicom-web", text):
            threading.Thread(target=ask, args=(int(found[1]),), daemon=True).start()
    def flush(self):
        sys.__stdout__.flush()
    def isatty(self):
        return False
sys.stdout = Standard()
from dicomveil_proxy.command import main
main()
"""
"""A server that asks itself, and writes down what its event loop imports once it is ready."""


WHILE_LOADING = """
import io, json, sys, threading, time
import dicomveil_engine.attributes.characters, dicomveil_proxy.leaks.place, dicomveil_proxy.pixels.frames
import dicomveil_proxy.reidentification.encoded
from dicomveil_proxy.service.loading import Loading, Stage
from dicomveil_proxy.settings.server import Limits
begun, data = threading.Event(), sys.stdin.buffer.read()

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("pydicom.") and threading.current_thread().name == "loading" and not begun.is_set():
            begun.set()
            time.sleep(0.5)  # in which the other thread begins, too

sys.meta_path.insert(0, Slow())
loading = Loading()
loading.begin()
assert begun.wait(60)
made = eval(sys.argv[1])
loading._stages[Stage.PIXELS].result(60)
import pydicom, pydicom.filereader
print(json.dumps([made, pydicom.dcmread.__name__]))
"""
"""Uses a library while the same library is loaded."""
HIT = (
    "[hex(place.tag) for place in dicomveil_proxy.leaks.place.places_in_part10("
    r"b'\x10\x00\x20\x00LO\x02\x001 ', '1.2.840.10008.1.2.1')]"
)
ESCAPES = r"dicomveil_engine.attributes.characters.encode('\u5c71', ('iso8859', 'iso2022_jp')).hex()"
STORE = "dicomveil_proxy.reidentification.encoded.read_instance(io.BytesIO(data), Limits()).header.Modality"
IN_ANOTHER_THREAD = {
    HIT: ["0x100020"],
    ESCAPES: b"\x1b$B;3\x1b(B".hex(),
    "dicomveil_proxy.pixels.frames.StoredFrames(io.BytesIO(data)).vr": "OW",
    STORE: "CT",
}
"""What other threads do with that library: what is evaluated, and what comes of it."""
CYCLIC = frozenset(("pydicom", "numpy", "sqlalchemy", "phonenumbers", "psycopg", "pyarrow", "obstore", "distributed"))
"""Packages that import modules of their own which import the package."""


@pytest.fixture(autouse=True)
def in_a_folder_with_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An origin with one CT, and no settings."""
    monkeypatch.chdir(tmp_path)
    write_key(Path("key"))
    Path("origin").mkdir()
    Path("origin/1.dcm").write_bytes(Path(str(get_testdata_file("CT_small.dcm"))).read_bytes())


def last_line(program: str, origin: str = "origin") -> Any:
    """What a server prints at last."""
    done = subprocess.run([sys.executable, "-c", program, *SERVE, origin], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_heavy_is_loaded_when_a_folder_is_served() -> None:
    """Neither pydicom and codecs, nor databases, clients of HTTP, tokens, certificates."""
    assert last_line(WHEN_READY) == []


def test_of_what_is_heavy_a_server_before_an_archive_loads_its_client() -> None:
    """It has asked the archive by then."""
    assert last_line(WHEN_READY, "http://127.0.0.1:1/dicom-web") == ["aiohttp", "httpx", "rich"]


def test_the_event_loop_imports_nothing_for_first_requests() -> None:
    """Each kind of request comes as soon as the server is ready, and nothing else waits while modules are imported.

    The instance has texts in which telephone numbers are looked for, and which may be in several character sets.
    """
    instance = dcmread("origin/1.dcm")
    instance.SpecificCharacterSet = "ISO_IR 100"
    instance.PatientName = "D\u00f6e^Jane"
    instance.SeriesDescription = instance.ProtocolName = "Tel. +49 30 1234567 D\u00f6e, D\u00c3\u00b6e"
    instance.save_as("origin/1.dcm")

    statuses, imported = last_line(IN_THE_LOOP)

    assert imported == []
    assert statuses == [200] * 7 + [409, 409]


@pytest.mark.parametrize("expression", IN_ANOTHER_THREAD)
def test_a_library_can_be_used_while_it_is_loaded(expression: str) -> None:
    """Two threads that wait for each other's modules would be left with halves of them, for good."""
    data = Path("origin/1.dcm").read_bytes()
    arguments = [sys.executable, "-c", WHILE_LOADING, expression]
    done = subprocess.run(arguments, input=data, capture_output=True, check=False)

    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert json.loads(done.stdout) == [IN_ANOTHER_THREAD[expression], "dcmread"]


@pytest.mark.parametrize("package", ["dicomveil_proxy", "dicomveil_engine"])
def test_imports_begin_with_the_package(package: str) -> None:
    """Nothing imports a module of such a package before the package itself, which another thread may be loading."""
    root = Path(str(importlib.import_module(package).__file__)).parent
    before = [
        f"{path.relative_to(root)}:{line} {name}"
        for path in root.rglob("*.py")
        for scope in ast.walk(ast.parse(path.read_text()))
        if isinstance(scope, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef)
        for line, name in _submodules_first(scope)
    ]

    assert [each for each in before if not each.endswith(ALLOWED)] == []


ALLOWED = ("obstore.store",)
"""Imported in the event loop's thread alone."""


def _submodules_first(scope: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[int, str]]:
    """The imports of a module whose package was not imported before, in a scope without those below it."""
    begun: set[str] = set()
    waiting: list[ast.AST] = [*scope.body]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types(node):
            continue
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            package, _, module = name.partition(".")
            if module and package in CYCLIC - begun:
                yield node.lineno, name  # type: ignore[attr-defined]
            begun.add(package)
        waiting[:0] = ast.iter_child_nodes(node)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


async def test_stages_are_loaded_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is there while the second is being loaded."""
    goes_on = threading.Event()
    loaded: list[str] = []

    def load(name: str) -> None:
        if name == "pixels":
            goes_on.wait(30)
        loaded.append(name)

    monkeypatch.setattr(loading, "import_module", load)
    monkeypatch.setattr(loading, "PARTS", {Stage.ATTRIBUTES: ("attributes",), Stage.PIXELS: ("pixels",)})
    begun = Loading()
    await begun.until(Stage.ATTRIBUTES)
    assert loaded == ["attributes"]

    waiting = asyncio.ensure_future(begun.until(Stage.PIXELS))
    gone = asyncio.ensure_future(begun.until(Stage.PIXELS))
    await asyncio.sleep(0)
    gone.cancel()
    goes_on.set()
    await waiting
    assert loaded == ["attributes", "pixels"]


async def test_patterns_are_compiled_and_words_read() -> None:
    """To compile all of them in the event loop would hold it up, too."""
    await Loading().until(Stage.ATTRIBUTES)
    from dicomveil_engine.text import gazetteer, patterns

    assert gazetteer._words.cache_info().currsize == 1
    assert all("finditer" in vars(pattern) for pattern in patterns._MADE)


async def test_what_cannot_be_loaded_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests that do not need it are answered."""
    monkeypatch.setattr(loading, "PARTS", {Stage.ATTRIBUTES: ("no_such_module",), Stage.PIXELS: ()})
    await Loading().until(Stage.PIXELS)

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "a part of the server cannot be loaded"
    ]


async def test_it_ends_between_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is stopped at once does not wait for what it no longer needs."""
    loaded: list[str] = []
    monkeypatch.setattr(loading, "import_module", loaded.append)
    ended = Loading()
    ended.end()
    await ended.until(Stage.PIXELS)

    assert loaded == []
