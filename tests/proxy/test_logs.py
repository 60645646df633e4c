"""The log: what happens is told, and no value gets out by any way that a library may take."""

from __future__ import annotations

import json
import subprocess
import sys

SECRET = "Doe^Jane"
"""Planted as a value; it must not be in anything that a process writes."""

_BEFORE = f"""
import asyncio, logging, sys, threading, warnings
from dicomveil_proxy import logs
from dicomveil_proxy.errors import OriginUnavailable
secret = "{SECRET}"
{{early}}
logs.configure()
def failing():
    raise ValueError(secret)
"""


def output_of(code: str, *, early: str = "", options: tuple[str, ...] = ()) -> str:
    """Everything that a process of its own writes that plants the value."""
    script = _BEFORE.format(early=early) + code
    done = subprocess.run([sys.executable, *options, "-c", script], capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    assert SECRET not in text
    return text


def test_our_own_event_is_one_line() -> None:
    """A line break in a message cannot pretend to be a second event."""
    text = output_of("logging.getLogger('dicomveil_proxy.x').info('request %s\\nfailed', 7)")

    assert text.endswith("INFO dicomveil_proxy.x: request 7\\nfailed\n")
    assert text.count("\n") == 1


def test_our_own_errors_may_be_quoted() -> None:
    """Their messages hold no values, by the rule of their modules."""
    text = output_of("logging.getLogger('dicomveil_proxy').error('%s', OriginUnavailable('the origin is down'))")

    assert "dicomveil_proxy: the origin is down" in text


def test_a_foreign_error_in_our_message_is_only_its_type() -> None:
    """An exception of a library quotes what it stumbled over."""
    text = output_of(
        "logging.getLogger('dicomveil_proxy').error('not read: %s', ValueError(secret))\n"
        "logging.getLogger('dicomveil_proxy').error('not read: %(why)s', {'why': ValueError(secret)})\n"
        "logging.getLogger('dicomveil_proxy').error(ValueError(secret))"
    )

    assert text.count("not read: ValueError") == 2


def test_foreign_messages_are_withheld() -> None:
    """A library's warning tells where in the code it comes from, and nothing else."""
    text = output_of("logging.getLogger('asyncio').error('task failed: %s', secret)")

    assert "ERROR asyncio: message withheld, from <string>.<module>:" in text


def test_silent_libraries_say_nothing() -> None:
    """httpx logs every URL at INFO, pydicom values; also where they set their own level again."""
    assert not output_of(
        "for name in ('httpx', 'pydicom', 'httpcore.http11', 'dicomweb_client.web', 'aiohttp.client', "
        "'uvicorn.access'):\n"
        "    logging.getLogger(name).setLevel(logging.DEBUG)\n"
        "    logging.getLogger(name).critical(secret)"
    )


def test_handlers_that_were_there_before_are_gone() -> None:
    """They would write around ours."""
    early = (
        "logging.basicConfig(); logging.getLogger('pydicom').addHandler(logging.StreamHandler())\n"
        "logging.getLogger('quiet').propagate = False"
    )

    text = output_of("for name in ('pydicom', 'quiet'): logging.getLogger(name).error(secret)", early=early)

    assert "ERROR quiet: message withheld" in text


def test_uvicorn_says_what_it_can() -> None:
    """Constants pass; what is filled in does not, nor the traceback that a failed start brings as its message."""
    text = output_of(
        "log = logging.getLogger('uvicorn.error')\n"
        "log.warning('Invalid HTTP request received.')\n"
        "log.error('Traceback ... ' + secret)\n"
        "log.info('%s - WebSocket %s', secret, secret)"
    )

    assert text.count("\n") == 2
    assert "WARNING uvicorn.error: Invalid HTTP request received." in text


def test_an_exception_is_its_type_and_place() -> None:
    """Causes and groups too, each without its message."""
    text = output_of(
        "try:\n"
        "    try: failing()\n"
        "    except ValueError as error: raise ExceptionGroup(secret, [KeyError(secret)]) from error\n"
        "except ExceptionGroup: logging.getLogger('dicomveil_proxy').exception('it broke')"
    )

    assert "it broke [builtins.ExceptionGroup at __main__:" in text
    assert "after builtins.KeyError, after builtins.ValueError at __main__:" in text
    assert "Traceback" not in text


def test_a_message_that_cannot_be_filled_in_is_withheld() -> None:
    """The logging module itself would print the arguments."""
    assert "message withheld" in output_of("logging.getLogger('dicomveil_proxy').error('%d', secret)")


def test_uncaught_exceptions_have_no_message() -> None:
    """Of the process, of a thread, of a destructor, of a task that nobody waited for."""
    destructor = "class Odd:\n    def __del__(self): failing()\nOdd()\n"
    thread = "thread = threading.Thread(target=failing); thread.start(); thread.join()\n"
    task = (
        "async def fail(): failing()\n"
        "async def main():\n"
        "    task = asyncio.create_task(fail()); await asyncio.sleep(0); del task\n"
        "asyncio.run(main())\n"
    )

    text = output_of(destructor + thread + task + "failing()")

    assert text.count("unexpected error [builtins.ValueError at ") == 3
    assert "ERROR asyncio: message withheld" in text


def test_warnings_are_silent() -> None:
    """pydicom warns with values."""
    assert not output_of("warnings.warn(secret)")


def test_warnings_that_were_asked_for_have_no_text() -> None:
    """`python -W always` shows that there was one."""
    text = output_of("warnings.warn(secret)", options=("-W", "always"))

    assert "a UserWarning, whose text is withheld" in text


def test_json_is_one_object_on_a_line() -> None:
    """With what stands beside our own message; of others neither message nor fields."""
    text = output_of(
        "logs.configure(form='json')\n"
        "own, foreign = logging.getLogger('dicomveil_proxy.x'), logging.getLogger('foreign')\n"
        "with logs.of_project('lung'), logs.of_request('7f'):\n"
        "    own.info('request\\n%s', 7, extra={'fields': {'route': '/studies/{study}', 'bytes': 3}})\n"
        "foreign.warning('%s', secret, extra={'fields': {'x': secret}})\n"
        "own.error('it failed', exc_info=ValueError(secret))\n"
    )
    first, second, third = (json.loads(line) for line in text.splitlines())

    assert first.pop("time")[-1] == "Z"
    assert first == {
        "level": "INFO",
        "logger": "dicomveil_proxy.x",
        "message": "request\n7",
        "project": "lung",
        "request_id": "7f",
        "route": "/studies/{study}",
        "bytes": 3,
    }
    assert second["message"].startswith("message withheld")
    assert "x" not in second
    assert third["exception"] == "builtins.ValueError"


def test_levels() -> None:
    """What is less important than the level is not written."""
    text = output_of(
        "for level in (logging.ERROR, logging.DEBUG):\n"
        "    logs.configure(level=level)\n"
        "    logging.getLogger('dicomveil_proxy').debug('asked')\n"
        "    logging.getLogger('dicomveil_proxy').warning('careful')\n"
    )

    assert [line.split(" ", 1)[1] for line in text.splitlines()] == [
        "DEBUG dicomveil_proxy: asked",
        "WARNING dicomveil_proxy: careful",
    ]
