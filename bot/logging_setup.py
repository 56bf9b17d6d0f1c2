"""Logging of a long-running process: JSON lines, or lines for people on a terminal; on standard error.

Every line of every library goes through here, tracebacks too, and secrets are removed from it. The values of variables
are never shown.
"""

from __future__ import annotations

import logging
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from bot import redaction

_LOUD = (
    "distributed",
    "httpx",
    "httpcore",
    "discord",
    "tweepy",
    "aiohttp.access",
    "urllib3",
    "alembic",
    "matplotlib",
    "schedule",
)
"""Libraries of which only warnings are useful to an operator."""


def configure_logging(secrets: Iterable[SecretStr | str], stream: TextIO | None = None) -> None:
    """Send everything that is logged to `stream`, without `secrets`. A database's URL counts as one, and so does its
    password."""
    redaction.register_secrets(secrets)
    to = stream or sys.stderr
    handler = _Lines(to)
    handler.setFormatter(_make_formatter(redaction.redact, to.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    _log_what_nobody_caught()


def error_id() -> str:
    """The id of an error, shown to the user and in the log. It begins with a letter, so that it is never a number."""
    return f"e{uuid.uuid4().hex[:11]}"


class _Lines(logging.StreamHandler[TextIO]):
    """A handler that logs formatting errors as a normal line; by default, logging prints a plain traceback."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, OSError | ValueError) and not isinstance(error, UnicodeError) and self._is_gone():
            return  # there is no other place to report it
        words = f"a line of the log could not be formatted: {record.msg!r}"
        shown = {"name": record.name, "levelname": "ERROR", "levelno": logging.ERROR, "msg": words}
        with suppress(Exception):
            self.stream.write(self.format(logging.makeLogRecord({**shown, "exc_info": sys.exc_info()})) + "\n")
            self.flush()

    def _is_gone(self) -> bool:
        try:
            self.stream.flush()
        except (OSError, ValueError):
            return True
        return False


_SHARED: Sequence[Processor] = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def _make_formatter(redact: Callable[[str], str], terminal: bool) -> logging.Formatter:
    def redact_line(_logger: WrappedLogger, _name: str, line: EventDict) -> Any:
        return redact(str(line))

    def redact_values(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
        return {redact(name): _without_secrets(value, redact) for name, value in line.items()}

    json = structlog.processors.JSONRenderer(ensure_ascii=False)
    shown: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback), redact_line]
        if terminal
        else [structlog.processors.format_exc_info, redact_values, json]
    )
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        foreign_pre_chain=_SHARED,
    )


def _without_secrets(value: object, redact: Callable[[str], str]) -> object:
    """A value without secrets, ready for JSON. Redacting the finished line could remove a quotation mark's escape."""
    if isinstance(value, Mapping):
        return {redact(str(name)): _without_secrets(held, redact) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(held, redact) for held in value]
    text = value if isinstance(value, str) else repr(value)
    shown = redact(text)
    return value if shown == text and (value is None or isinstance(value, bool | int | float)) else shown


def _log_what_nobody_caught() -> None:
    log = logging.getLogger("bot")

    def log_uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("unhandled exception", exc_info=(kind, error, trace))

    def uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None:
            log_uncaught(given.exc_type, given.exc_value, given.exc_traceback)

    def unraisable(given: sys.UnraisableHookArgs) -> None:
        words = given.err_msg or "an error could not be raised"
        if given.exc_value is not None:
            log.error("%s", words, exc_info=(given.exc_type, given.exc_value, given.exc_traceback))

    sys.excepthook, threading.excepthook, sys.unraisablehook = log_uncaught, uncaught_in_thread, unraisable
