"""Extraction in processes of its own: one that hangs, swells or dies costs its document and no other.

Each process has a pipe of its own and a thread here that waits for it, and no lock is shared between processes: a pool
whose processes share a queue (pebble's, the standard library's) breaks, or waits for ever, when one is killed that holds it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import multiprocessing
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer import errors, extract
from indexer.cores import cores
from indexer.document import Extracted
from indexer.errors import Damaged, ExtractError, Interrupted, LimitReached, PaperpathError
from indexer.extract import limits

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_BIRTHS = threading.Lock()  # `multiprocessing` looks after all children whenever one starts, and not for two threads
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class _Job:
    read: Callable[..., Extracted]
    path: Path
    kind: str
    url: str
    result: Future[Extracted]


class Workers:
    """Extraction processes, started as documents come. Use it as a context manager: leaving it ends them.

    `count` 0 means one for each core; `seconds` and `megabytes` limit each document. `told` is called with the number of
    pages read so far, of all documents, from other threads than the caller's.

    Raises `BadSetting` where `ocr` is asked for and Tesseract is not installed.
    """

    def __init__(
        self, count: int, seconds: float, megabytes: int, *, engine: str = "auto", ocr: bool = False,
        told: Callable[[int], None] | None = None,
    ) -> None:  # fmt: skip
        if ocr:
            from indexer.extract.engines import tesseract

            tesseract.program()
        self.seconds, self.megabytes = seconds * (limits.OCR_TIMES if ocr else 1), megabytes
        self.engine, self.ocr = engine, ocr
        self._count = count or cores()
        self._told = told
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._hands: list[_Hand] = []
        self._unfinished = 0
        self._pages = 0

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for hand in self._hands:
            hand.stop()  # whatever still runs is of no use to anybody
            self._jobs.put(None)
        for hand in self._hands:
            hand.thread.join()

    def start(self, path: Path, kind: str, url: str = "") -> Callable[[], Extracted]:
        """Begins to read a document; the function returned waits for it, and raises an `ExtractError` if it failed."""
        job = _Job(extract.read, path, kind, url, Future())
        with self._lock:
            self._unfinished += 1
            if len(self._hands) < min(self._unfinished, self._count):
                self._hands.append(_Hand(self, self._jobs))
        self._jobs.put(job)
        return job.result.result

    def finished(self) -> None:
        """A job has ended, one way or the other."""
        with self._lock:
            self._unfinished -= 1

    def page_read(self) -> None:
        """One more page has been read, by any of the processes."""
        with self._lock:
            self._pages += 1
            pages = self._pages
        if self._told is not None:
            self._told(pages)


class _Hand:
    """A thread with one process, or none: takes job after job, and gets another process where the last was lost."""

    def __init__(self, owner: Workers, jobs: queue.SimpleQueue[_Job | None]) -> None:
        self.owner, self.jobs = owner, jobs
        self.process: _Process | None = None
        self.lock = threading.Lock()
        self.stopped = False
        self.thread = threading.Thread(target=self.run, daemon=True, name="extraction")
        self.thread.start()

    def stop(self) -> None:
        with self.lock:
            self.stopped = True
            if self.process is not None:
                self.process.kill()

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            try:
                if self.stopped:
                    raise Interrupted("It was not read: the run was ended.")
                found = self.read(job)
            except BaseException as error:
                self.owner.finished()  # before who waits for this one starts the next
                job.result.set_exception(error)
            else:
                self.owner.finished()
                job.result.set_result(found)
        self.lose()

    def read(self, job: _Job) -> Extracted:
        engine = self.owner.engine
        try:
            return self.asked(job, engine)
        except _Died as died:
            if engine == "auto" and job.kind == "pdf" and not self.stopped:
                with contextlib.suppress(_Died, ExtractError):
                    return self.asked(job, "pypdf")  # PDFium died of it: the second opinion
            raise died.error from None

    def asked(self, job: _Job, engine: str) -> Extracted:
        """What the process answers. Raises what it raises, or `_Died` if it died of the document."""
        for _attempt in range(3):
            process = self.begun()
            options = {"engine": engine, "ocr": self.owner.ocr}
            try:
                process.send((job.read, job.path, job.kind, job.url, options))
            except OSError:  # killed between two documents, which is no fault of this one
                self.lose()
                continue
            break
        else:
            raise Interrupted("It was not read: each process that was to do it was killed at once.")
        try:
            answer, spent = process.answer(self.owner.seconds, self.owner.page_read)
        except BaseException:
            self.lose()
            raise
        if spent:
            self.lose()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def begun(self) -> _Process:
        if self.process is None:
            try:
                process = _Process(self.owner.seconds, self.owner.megabytes, self.owner.ocr)
            except OSError as error:
                raise Interrupted(f"No process could be started to read it: {error.strerror or error}.") from None
            with self.lock:
                self.process = process
                if self.stopped:
                    process.kill()
            try:
                process.wait_until_ready()
            except BaseException:
                self.lose()
                raise
        return self.process

    def lose(self) -> None:
        with self.lock:
            process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.bury()


class _Died(Exception):
    """The process ended while it read: `error` is what to tell."""

    def __init__(self, error: ExtractError) -> None:
        super().__init__(error.message)
        self.error = error


class _Process:
    """A worker seen from here."""

    def __init__(self, seconds: float, megabytes: int, ocr: bool) -> None:
        # spawn: a fork of a process with threads (torch, FAISS) may never come back
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs, seconds, megabytes, ocr), daemon=True, name="extraction"
        )
        try:
            with _BIRTHS:
                self.process.start()
        except BaseException:
            self.pipe.close()
            raise
        finally:
            theirs.close()  # so that its death is the end of the pipe
        self.pid = self.process.pid or 0
        self.buried = False

    def wait_until_ready(self) -> None:
        with self.alarm(limits.WORKER_START_SECONDS):
            try:
                self.pipe.recv_bytes()
            except (EOFError, OSError):
                code = self.code()
                raise Interrupted(f"The process that was to read it did not start ({_of_exit(code)}).") from None

    def send(self, message: Any) -> None:
        self.pipe.send(message)

    def answer(self, seconds: float, page_read: Callable[[], None]) -> tuple[Extracted | PaperpathError, bool]:
        """What it read or raised, and whether it ends now. Raises `_Died`, or `LimitReached` after so many seconds."""
        with self.alarm(seconds) as rung:
            try:
                while True:
                    message = self.pipe.recv_bytes(limits.MESSAGE_BYTES)
                    if message != _PAGE:
                        return _unpacked(message)
                    page_read()
            except EOFError:
                code = self.code()
            except OSError:  # more bytes than the limit, or the pipe broke
                code = self.code(0)
                if code is None:
                    raise LimitReached("Its text is larger than what is taken.") from None
        if rung.is_set():
            raise LimitReached(f"Reading it took longer than {seconds:g} seconds.",
                               cure="PAPERPATH_EXTRACT_SECONDS sets another limit.")  # fmt: skip
        if -(code or 0) in _FROM_OUTSIDE:
            raise Interrupted(f"The process that read it was ended from outside ({_of_exit(code)}).",
                              cure="Run this again; it may be that the machine ran out of memory.")  # fmt: skip
        raise _Died(
            LimitReached(
                f"The process that read it died ({_of_exit(code)}).",
                cure="If it wants more memory than others: PAPERPATH_EXTRACT_MEGABYTES sets the limit.",
            )
        )

    @contextlib.contextmanager
    def alarm(self, seconds: float) -> Iterator[threading.Event]:
        """Kills it after so many seconds, which ends every wait for it, however it hangs. Gives whether that happened."""
        rung = threading.Event()

        def ring() -> None:
            rung.set()
            self.kill()

        timer = threading.Timer(seconds, ring)
        timer.daemon = True
        timer.start()
        try:
            yield rung
        finally:
            timer.cancel()

    def kill(self) -> None:
        """Ends it and what it started, at once."""
        with _BIRTHS:
            if not self.buried and self.process.is_alive():  # else its number may be another's by now
                for end in (os.killpg, os.kill):
                    with contextlib.suppress(OSError):
                        end(self.pid, signal.SIGKILL)

    def code(self, seconds: float = 5) -> int | None:
        """Its exit status, None if it lives on for so many seconds."""
        if not wait([self.process.sentinel], seconds):
            return None
        with _BIRTHS:
            self.process.join(5)  # its end is seen a moment before its status can be had
            return self.process.exitcode

    def bury(self) -> None:
        wait([self.process.sentinel])
        with _BIRTHS:
            self.process.join()
            self.process.close()
            self.buried = True
        self.pipe.close()


def _of_exit(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


# What goes through the pipe. A process that a document took over can send what it likes, so that nothing is unpickled.

_PAGE = b"page"


def _packed(answer: Extracted | PaperpathError, spent: bool) -> bytes:
    if isinstance(answer, PaperpathError):
        told: dict[str, Any] = {"error": type(answer).__name__, "message": answer.message, "cure": answer.cure}
    else:
        told = {"text": _extracted().dump_python(answer, mode="json")}
    return json.dumps({**told, "spent": spent}).encode()


def _unpacked(message: bytes) -> tuple[Extracted | PaperpathError, bool]:
    """What a process answers, and whether it ends now; an answer that is none is a `Damaged`."""
    try:
        told = json.loads(message)
        if "text" in told:
            return _extracted().validate_python(told["text"]), bool(told["spent"])
        kind = getattr(errors, str(told["error"]), None)
        if not (isinstance(kind, type) and issubclass(kind, PaperpathError)):
            kind = Damaged
        return kind(str(told["message"]), cure=str(told["cure"])), bool(told["spent"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return Damaged("The process that read it answered with something that is no text."), True


@lru_cache(maxsize=1)
def _extracted() -> TypeAdapter[Extracted]:
    from pydantic import TypeAdapter

    return TypeAdapter(Extracted)


# In the process


def _serve(pipe: Connection, seconds: float, megabytes: int, ocr: bool) -> None:
    """Reads what it is told to, until the other side is gone."""
    _confined(megabytes, ocr)
    pipe.send_bytes(b"ready")
    done = 0
    while True:
        try:
            read, path, kind, url, options = pipe.recv()
        except (EOFError, OSError):
            return
        # Should nobody be left to end it, it ends itself: the default action works while C code hangs too.
        signal.setitimer(signal.ITIMER_REAL, seconds + 10)
        answer = _answered(read, path, kind, url, options, pipe)
        done += 1
        spent = done >= limits.DOCUMENTS_PER_WORKER or _held() > megabytes << 19
        try:
            message = _packed(answer, spent)
        except MemoryError:
            message = _packed(_too_large(), True)
        try:
            pipe.send_bytes(message)
        except OSError:
            return
        signal.setitimer(signal.ITIMER_REAL, 0)


_OF_MACHINE = (
    errno.ENOENT,
    errno.EACCES,
    errno.EIO,
    errno.ENOSPC,
    errno.EMFILE,
    errno.ENFILE,
    errno.ESTALE,
    errno.EAGAIN,
)


def _held(field: int = 1) -> int:
    """Bytes of memory held now, as far as the system tells (not `ru_maxrss`, which begins with the parent's); with `field`
    0 those that are mapped."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[field]) * resource.getpagesize()
    except (OSError, ValueError, IndexError, MemoryError):
        return 0


def _full() -> bool:
    """Whether what is mapped comes near the limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return limit != resource.RLIM_INFINITY and _held(0) > 0.95 * limit


def _answered(
    read: Callable[..., Extracted], path: Path, kind: str, url: str, options: dict[str, Any], pipe: Connection
) -> Extracted | PaperpathError:
    try:
        return read(path, kind, url, told=lambda _pages: pipe.send_bytes(_PAGE), **options)
    except PaperpathError as error:
        return error
    except ModuleNotFoundError as error:
        return Interrupted(f"It can't be read: {error}.", cure="Install paperpath again: `make install`.")
    except (MemoryError, RecursionError, ImportError):  # a library that has no room to be loaded
        return _too_large()
    except Exception as error:
        if _full():  # without memory even Python's own compiler fails in ways of its own
            return _too_large()
        if isinstance(error, OSError) and error.errno in _OF_MACHINE:
            return Interrupted(f"It can't be read: {error.strerror}.")
        return Damaged(f"It can't be read: {type(error).__name__}: {str(error)[:200]}.")


def _too_large() -> LimitReached:
    megabytes = resource.getrlimit(resource.RLIMIT_AS)[0] >> 20
    return LimitReached(
        f"Reading it takes more than {megabytes} MB of memory.", cure="PAPERPATH_EXTRACT_MEGABYTES sets another limit."
    )


def _confined(megabytes: int, ocr: bool) -> None:
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)  # so that all it starts can be ended with it, and Ctrl-C leaves it to the run to end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with contextlib.suppress(OSError, ValueError):  # not on macOS
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(lambda event, arguments: _refused(event, ocr))


def _refused(event: str, ocr: bool) -> None:
    """Nothing that a document holds is run or followed, whatever a library may think of."""
    programs = () if ocr else ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty")
    if event in ("socket.connect", "socket.getaddrinfo", "os.system", "os.exec", "webbrowser.open", *programs):
        raise PermissionError(f"{event} while a document is read")
