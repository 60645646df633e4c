"""Logging: one line per event on stderr, which cannot contain a patient's data.

Our own messages are logged, since they are written without such data. Of messages, warnings and tracebacks of other
libraries only the type and the place in the code are logged: httpx logs whole URLs, pydicom's warnings quote values,
and the message of any exception may quote the value that caused it.
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
"""The loggers whose messages are logged, including their descendants."""

_OWN_ERRORS = ("dicomveil_proxy.", "dicomveil_engine.")
"""The packages whose exceptions have messages without values."""

SILENT = ("pydicom", "dicomweb_client", "httpx", "httpcore", "aiohttp", "PIL", "requests", "urllib3", "uvicorn.access")
"""Loggers whose events are of no use to an operator without their messages."""

_LIFECYCLE = ("uvicorn.error", "multiprocess")
"""Logger and module of Uvicorn's messages on workers that ended; they contain process IDs and no data of requests."""

_CONSTANTS = frozenset(
    (
        "Application startup failed. Exiting.",
        "ASGI callable returned without completing response.",
        "ASGI callable returned without starting response.",
        "Exception in ASGI application\n",
        "Invalid HTTP request received.",
    )
)
"""Messages of Uvicorn that are logged as they are: none of them has arguments."""

_LOGGED_CALLS = 8
_LOGGED_ERRORS = 5

_log = logging.getLogger(__name__)


_project: ContextVar[str] = ContextVar("project", default="")
_request: ContextVar[str] = ContextVar("request", default="")


def request_id() -> str:
    """The ID of the current request; empty outside of a request."""
    return _request.get()


@contextmanager
def of_request(number: str) -> Iterator[None]:
    """Add the request's ID to events within the context."""
    before = _request.set(number)
    try:
        yield
    finally:
        _request.reset(before)


@contextmanager
def of_project(name: str) -> Iterator[None]:
    """Add the project's name to events within the context; the default project has none."""
    before = _project.set(name)
    try:
        yield
    finally:
        _project.reset(before)


FIELDS = "fields"
"""The key in `extra` for the names and numbers that an event of ours has in JSON in addition to its message."""


class EventFormatter(logging.Formatter):
    """One line: time in UTC, level, logger, project, message or place, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Format the record without anything that may contain a value."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        project = _project.get()
        whose = f"project {project}: " if project else ""
        line = f"{when} {record.levelname} {record.name}: {whose}{_message(record).strip()}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f" [{describe_error(record.exc_info[1])}]"
        # With a line break, a message could forge a second event.
        if line.isprintable():
            return line
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


class JSONFormatter(EventFormatter):
    """The same as one JSON object on a line, with the request's ID and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Format the record without anything that may contain a value."""
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
    """Write all events, uncaught exceptions and warnings of the process through our formatter to stderr.

    It is called when the process starts. Other handlers are removed, since they would bypass the formatter.
    """
    logging.raiseExceptions = False  # else logging prints messages whose arguments do not fit
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
        # They are ignored, not only hidden: Python keeps the text of every warning it has shown.
        warnings.simplefilter("ignore")


def describe_error(error: BaseException) -> str:
    """Describe an exception and its causes by their types and places in the code, without their messages."""
    described = []
    for each in _with_causes(error):
        kind = type(each)
        described.append(f"{kind.__module__}.{kind.__qualname__}{_places(each.__traceback__)}")
        if len(described) == _LOGGED_ERRORS:
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
    return " at " + " > ".join(calls[-_LOGGED_CALLS:]) if calls else ""


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
    """The message with its arguments, where exceptions of other libraries are replaced by their types."""
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
    """Whether an event is logged: without its message, an event of another library below a warning is of no use."""
    if _is_below(record.name, SILENT):
        return False  # pydicom resets its logger's level when it is imported
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
