"""What the process says of its work: one line per event on stderr, in which no patient's value can be.

Our own messages pass, since they are written to hold none. Of whatever foreign libraries say (messages, warnings,
tracebacks) only the type and the place in the code are logged: httpx logs whole URLs, pydicom warns with values, and
the message of any exception may quote what it stumbled over. So nothing here trusts a library to be discreet.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TextIO

OWN = ("dicomveil_proxy", "dicomveil")
"""The loggers whose messages pass, with those below them."""

_OWN_ERRORS = ("dicomveil_proxy.", "dicomveil_engine.")
"""Where the exceptions come from whose messages hold no values, by their module's rule."""

SILENT = ("pydicom", "dicomweb_client", "httpx", "httpcore", "aiohttp", "PIL", "requests", "urllib3", "uvicorn.access")
"""Loggers that say nothing an operator could use once their messages are withheld."""

_LIFECYCLE = ("uvicorn.error", "multiprocess")
"""Logger and module of messages that say which worker ended; they hold process numbers and nothing of a request."""

_CONSTANTS = frozenset(
    (
        "Application startup failed. Exiting.",
        "ASGI callable returned without completing response.",
        "ASGI callable returned without starting response.",
        "Exception in ASGI application\n",
        "Invalid HTTP request received.",
    )
)
"""Uvicorn's messages that are worth reading; a message with anything filled in is not one of them."""

_FRAMES_TOLD = 8
_ERRORS_TOLD = 5

_log = logging.getLogger(__name__)


_project: ContextVar[str] = ContextVar("project", default="")
_request: ContextVar[str] = ContextVar("request", default="")


def request_id() -> str:
    """The number of the request under way; empty where there is none."""
    return _request.get()


@contextmanager
def of_request(number: str) -> Iterator[None]:
    """Let what is written meanwhile know the request's number."""
    before = _request.set(number)
    try:
        yield
    finally:
        _request.reset(before)


@contextmanager
def of_project(name: str) -> Iterator[None]:
    """Let the lines that are written meanwhile name the project; the default project, without a name, is not named."""
    before = _project.set(name)
    try:
        yield
    finally:
        _project.reset(before)


FIELDS = "fields"
"""Under this name in `extra`, an event of ours has what stands beside its message in JSON: names and numbers."""


class EventFormatter(logging.Formatter):
    """One line: time in UTC, level, logger, project, message or place, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record; what may hold a value stays out."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        project = _project.get()
        whose = f"project {project}: " if project else ""
        line = f"{when} {record.levelname} {record.name}: {whose}{_message(record).strip()}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f" [{describe_error(record.exc_info[1])}]"
        # A line break in a message would let it pretend to be two events.
        if line.isprintable():
            return line
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


class JSONFormatter(EventFormatter):
    """The same as one JSON object on a line, with the number of the request and what stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record; what may hold a value stays out."""
        event: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record).strip(),
        }
        if project := _project.get():
            event["project"] = project
        if number := _request.get():
            event["request_id"] = number
        if _is_below(record.name, OWN):
            event |= getattr(record, FIELDS, {})
        if record.exc_info and record.exc_info[1] is not None:
            event["exception"] = describe_error(record.exc_info[1])
        return json.dumps(event)


FORMATTERS = {"text": EventFormatter, "json": JSONFormatter}


def configure(stream: TextIO | None = None, level: int = logging.INFO, form: str = "text") -> None:
    """Write everything that the process logs through our formatter to stderr; for the whole process, at its start.

    Uncaught exceptions and warnings too. Other handlers are taken away: they would write around it.
    """
    logging.raiseExceptions = False  # or logging itself prints messages and arguments that do not fit together
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(FORMATTERS[form]())
    handler.addFilter(_is_worth_a_line)
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda event: _log_error(event.exc_value)
    threading.excepthook = lambda event: _log_error(event.exc_value)
    warnings.showwarning = _warned
    if not sys.warnoptions:
        # Not only silent: Python remembers the text of every warning that it has shown.
        warnings.simplefilter("ignore")


def describe_error(error: BaseException) -> str:
    """An exception without its message: types and places in the code, from the error back to its causes."""
    described = []
    for each in _with_causes(error):
        kind = type(each)
        described.append(f"{kind.__module__}.{kind.__qualname__}{_places(each.__traceback__)}")
        if len(described) == _ERRORS_TOLD:
            break
    return ", after ".join(described)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _with_causes(part)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _with_causes(cause)


def _places(trace: TracebackType | None) -> str:
    """The innermost calls, outermost first: `module:line`."""
    calls = [f"{frame.f_globals.get('__name__', '?')}:{line}" for frame, line in traceback.walk_tb(trace)]
    return " at " + " > ".join(calls[-_FRAMES_TOLD:]) if calls else ""


def _message(record: logging.LogRecord) -> str:
    if _is_below(record.name, OWN) or (record.name, record.module) == _LIFECYCLE:
        try:
            return _filled_in(record)
        except (TypeError, ValueError, KeyError):
            pass
    elif record.msg in _CONSTANTS and not record.args:
        return str(record.msg)
    return f"message withheld, from {record.module}.{record.funcName}:{record.lineno}"


def _filled_in(record: logging.LogRecord) -> str:
    """The message; of a foreign exception in it only the type, since its text is not ours."""
    template = str(_discreet(record.msg))
    if isinstance(record.args, dict):
        return template % {name: _discreet(value) for name, value in record.args.items()}
    return template % tuple(_discreet(value) for value in record.args) if record.args else template


def _discreet(value: object) -> object:
    if not isinstance(value, BaseException) or type(value).__module__.startswith(_OWN_ERRORS):
        return value
    return type(value).__qualname__


def _is_below(logger: str, names: tuple[str, ...]) -> bool:
    return any(logger == name or logger.startswith(f"{name}.") for name in names)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether anything is left to log: of a foreign event below a warning only its place would be."""
    if _is_below(record.name, SILENT):
        return False  # pydicom sets its logger's level anew when it is imported
    return (
        record.levelno >= logging.WARNING or _is_below(record.name, OWN) or (record.name, record.module) == _LIFECYCLE
    )


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    del kind, trace
    if not isinstance(error, KeyboardInterrupt):
        _log_error(error)


def _log_error(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit):
        _log.critical("unexpected error", exc_info=error)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del message, filename, file, line
    _log.warning("a %s, whose text is withheld, in line %d", category.__name__, lineno)
