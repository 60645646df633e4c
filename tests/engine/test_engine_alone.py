"""The engine needs nothing of the proxy, and does no I/O, reads no clock and writes no log of its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import dicomveil_engine

ENGINE = Path(dicomveil_engine.__file__).parent
ALLOWED = {"pydicom", "cryptography", "isal", "orjson", "phonenumbers", "re2", "dicomveil_engine"}
"""What the distribution depends on, its extra `fast`, and itself."""

PIXELS_ALLOWED = {"numpy", "imagecodecs", "PIL", "rle", "cv2", "rapidocr", "onnxruntime", "pypdfium2"}
"""What the extras `codecs` and `pixels` bring, for the folder `pixels/` alone."""

BLOCKED = [
    *("dicomveil_proxy", "fastapi", "starlette", "uvicorn", "httpx", "aiohttp", "dicomweb_client"),
    *PIXELS_ALLOWED,
]
"""The proxy and what it depends on; and the extras, numpy among them, which pydicom can do without."""

FORBIDDEN = {
    "asyncio",
    "datetime",
    "io",
    "logging",
    "os",
    "random",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "time",
}
"""Modules of the standard library that read a clock, roll dice or touch the world."""
FORBIDDEN_CALLS = {
    "open",
    "print",
    "input",
    "now",
    "today",
    "utcnow",
    "read_bytes",
    "read_text",
    "write_text",
    "write_bytes",
}
READS_CONFIGURATION = {
    "configuration/document.py",
    "configuration/presets.py",
    "configuration/text.py",
    "attributes/_standard/__init__.py",
    "attributes/_standard/attribute_types.py",
    "attributes/_standard/data_dictionary.py",
    "attributes/_standard/registered_uids.py",
    "attributes/_standard/structured_content.py",
    "pixels/judge.py",
    "pixels/mask_file.py",
    "text/gazetteer/__init__.py",
    "text/lists/__init__.py",
}

PROGRAM = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root in {blocked!r}:
            raise ImportError(f"the engine imports {{name}}")

sys.meta_path.insert(0, Blocked())
import importlib.util

found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in {blocked!r} else found(name, *more)
from dicomveil_engine import DeidentificationError, deidentify_instance, deidentify_metadata, load_policy

policy = load_policy({{"profile": "default"}}, b"k" * 32)
meta = b"\\x02\\0\\x10\\0UI\\x14\\x001.2.840.10008.1.2.1\\0"
data = bytes(128) + b"DICM" + meta + b"\\x10\\0\\x10\\0PN\\x08\\0Doe^Jane" + b"\\x28\\0\\x10\\0US\\x02\\0\\1\\0"
output = deidentify_instance(data, policy)
assert b"Doe" not in output and b"US\\x02\\0\\1\\0" in output
[metadata] = deidentify_metadata([{{"00100010": {{"vr": "PN", "Value": ["Doe^Jane"]}}}}], policy)
assert metadata["00120062"]["Value"] == ["YES"]
ultrasound = b"\\x08\\0\\x60\\0CS\\x02\\0US" + b"\\xe0\\x7f\\x10\\0OB\\0\\0\\x02\\0\\0\\0\\1\\2"
try:
    deidentify_instance(bytes(128) + b"DICM" + meta + ultrasound, policy)
except DeidentificationError as error:
    assert "dicomveil-engine[pixels]" in str(error) and '"pixels": "keep"' in str(error), error
else:
    raise AssertionError("pixels pass")
print("alone")
"""


def test_works_alone() -> None:
    """De-identifies in a process in which nothing of the proxy and of the extras can be imported; what would have to be
    looked at is refused."""
    program = PROGRAM.format(blocked=BLOCKED)
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ENGINE.parent)

    assert (done.stdout, done.stderr) == ("alone\n", "")


def modules() -> list[tuple[str, ast.Module]]:
    return [(path.relative_to(ENGINE).as_posix(), ast.parse(path.read_text())) for path in sorted(ENGINE.rglob("*.py"))]


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_imports() -> None:
    """Its own modules import the standard library, its dependencies and each other."""
    for name, tree in modules():
        allowed = ALLOWED | (PIXELS_ALLOWED if name.startswith("pixels/") else set())
        assert imported(tree) - set(sys.stdlib_module_names) <= allowed, name


def test_no_world() -> None:
    """No clock, no dice, no log, no socket; `datetime` only for its dates."""
    for name, tree in modules():
        forbidden = imported(tree) & FORBIDDEN
        assert forbidden <= (
            {"datetime"} if name.rpartition("/")[2] in {"dates.py", "legality.py", "written_dates.py"} else set()
        ), name


def test_no_calls() -> None:
    """Files are read for the configuration and the standard's tables only, and no clock is asked."""
    for name, tree in modules():
        calls = {
            getattr(node.func, "id", getattr(node.func, "attr", ""))
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
        }
        found = calls & FORBIDDEN_CALLS
        assert found <= ({"read_bytes", "read_text"} if name in READS_CONFIGURATION else set()), name
