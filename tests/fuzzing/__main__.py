"""`make fuzz`: each target for its share of FUZZ_SECONDS, in a process of its own.

    python -m fuzzing                    all targets
    python -m fuzzing TARGET SECONDS     one
    python -m fuzzing TARGET FILE        one, on one input that was kept

Inputs that make a finding are kept in `.fuzz/` beside the repository's Makefile. Exit status 1 where there is one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

from fuzzing import running

FOUND = Path(__file__).parents[2] / ".fuzz"
NAMES = ("part10", "json", "xml", "multipart", "query", "code-streams", "tokens", "settings", "policies")


def main(arguments: list[str]) -> int:
    """All targets, or one."""
    if arguments:
        return _one(*arguments)
    seconds = float(os.environ.get("FUZZ_SECONDS", "540"))
    failed = []
    for name in NAMES:
        command = ["nice", "-n", "10", sys.executable, "-m", "fuzzing", name, str(seconds / len(NAMES))]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    print(f"findings: {', '.join(failed) or 'none'}")
    return bool(failed)


def _one(name: str, what: str) -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (running.MOST_BYTES, hard))
    atheris: ModuleType | None = None
    if not Path(what).is_file():
        with contextlib.suppress(ImportError):
            atheris = import_module("atheris")
    instrumented = (
        contextlib.nullcontext()
        if atheris is None
        else atheris.instrument_imports(include=["dicomveil_engine", "dicomveil_proxy"])
    )
    with instrumented:
        from fuzzing.targets import TARGETS
    target = TARGETS[name]
    logging.disable()  # a damaged file is reported in the log each time
    run = partial(running.check, target.run, target.documented)
    if Path(what).is_file():
        run(Path(what).read_bytes())
        return 0
    seeds = [seed[: running.LONGEST] for seed in target.seeds()]
    for seed in seeds:
        run(seed)
    if atheris is None:
        return _mutate(name, run, seeds, float(what))
    return _guided(atheris, name, run, seeds, float(what))


def _mutate(name: str, run: partial[None], seeds: list[bytes], seconds: float) -> int:
    try:
        count = running.by_mutation(run, seeds, seconds, seed=int.from_bytes(os.urandom(4), "big"))
    except BaseException as error:
        data = getattr(error, "data", None)
        if data is not None:
            print(f"{name}: {type(error).__name__}; the input is {running.kept(FOUND / name, data)}", flush=True)
        raise
    print(f"{name}: {count:,} inputs, nothing found", flush=True)
    return 0


def _guided(atheris: ModuleType, name: str, run: partial[None], seeds: list[bytes], seconds: float) -> int:
    """libFuzzer ends the process itself, with the input kept where there is a finding."""
    folder = FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            Path(corpus, str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={max(1, round(seconds))}",
            f"-artifact_prefix={folder}/",
            f"-max_len={running.LONGEST}",
            "-rss_limit_mb=2048",
            "-timeout=60",
            "-verbosity=0",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *options, corpus], run)
        print(f"{name}: by coverage", flush=True)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
