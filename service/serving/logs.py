"""The server's log: a line for each request, and one for whatever else happens, as text or as JSON.

A line never holds a token, and a question only where that is asked for. It is one line whatever came from outside: no control
character gets into it. Writing happens in a thread of its own behind a short queue, so that a full disk or a terminal that
stands still costs lines of the log, which are counted, and no request.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Literal, TextIO

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered, "" where none is."""

noted: ContextVar[dict[str, Any] | None] = ContextVar("noted", default=None)
"""What the line of the request is to say beside the usual. Each request has one of its own, which its threads share."""

FIELDS = "fields"  # the name under which a record carries what a request's line says
_WAITING = 10_000
_END_SECONDS = 2.0
_TOGETHER, _PAUSE_SECONDS = 200, 0.05
_LONGEST = 4000  # characters of a message


class Background(logging.Handler):
    """Writes to `stream` what `form` makes of each record, in a thread of its own; what it can't write is dropped."""

    def __init__(self, stream: TextIO, form: logging.Formatter) -> None:
        super().__init__()
        self.dropped = 0
        self._stream = stream
        self._waiting: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._ending = threading.Event()
        self.setFormatter(form)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.put_nowait(self.format(record))
        except Exception:  # the queue is full, or a record that can't be told
            self.dropped += 1

    def close(self) -> None:
        """Ends the thread when it has written what waits, or after a moment."""
        self._ending.set()
        try:
            self._waiting.put(None, timeout=_END_SECONDS)
        except queue.Full:
            return
        self._thread.join(_END_SECONDS)
        super().close()

    def _write(self) -> None:
        ended = False
        while not ended:
            lines = [self._waiting.get()]
            with contextlib.suppress(queue.Empty):
                while len(lines) < _TOGETHER:
                    lines.append(self._waiting.get_nowait())
            ended = None in lines
            told = [line for line in lines if line is not None]
            try:
                self._stream.write("".join(f"{line}\n" for line in told))
                self._stream.flush()
            except (OSError, ValueError):  # the disk behind it is full, or it was closed
                self.dropped += len(told)
            if not ended:  # what comes together is written together: waking up for each line costs more than the line
                self._ending.wait(_PAUSE_SECONDS)


class Json(logging.Formatter):
    """One JSON object a line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        said = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        fields = getattr(record, FIELDS, None)
        if fields is None:
            said["message"] = record.getMessage()[:_LONGEST]
        if found := request_id.get():
            said["request_id"] = found
        said |= fields or {}
        if record.exc_info:
            said["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(said, default=str)


class Text(logging.Formatter):
    """Text to read, a line each; the lines of a traceback stand indented behind theirs."""

    def format(self, record: logging.LogRecord) -> str:
        fields: Mapping[str, Any] | None = getattr(record, FIELDS, None)
        parts = [_time(record), f"{record.levelname:<7}"]
        if fields is None:
            parts.append(printable(record.getMessage()[:_LONGEST]))
        else:
            parts += [f"{name}={_shown(value)}" for name, value in fields.items()]
        if found := request_id.get():
            parts.append(f"request_id={found}")
        if record.exc_info:
            parts += [f"\n    | {printable(line)}" for part in traceback.format_exception(*record.exc_info)
                      for line in part.splitlines()]  # fmt: skip
        return " ".join(parts)


def printable(text: str) -> str:
    """A text on one line: whatever isn't shown as a character stands as its code."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def start(form: Literal["auto", "text", "json"] = "auto", stream: TextIO | None = None) -> Background:
    """Has all loggers write through a `Background` to `stream` (standard error): ours from INFO on, others their warnings. Close
    it at the end.

    "auto" is text on a terminal, else JSON.
    """
    stream = stream or sys.stderr
    as_text = form == "text" or (form == "auto" and stream.isatty())
    handler = Background(stream, Text() if as_text else Json())
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    logging.getLogger("paperpath").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # of what is no request, our own line tells
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    logging.raiseExceptions = False  # else a line that can't be written is told of where it can't be written either
    return handler


def _time(record: logging.LogRecord) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{moment}.{int(record.created * 1000) % 1000:03d}Z"


def _shown(value: Any) -> str:
    text = printable(str(value))
    return json.dumps(text, ensure_ascii=False) if " " in text or '"' in text or not text else text
