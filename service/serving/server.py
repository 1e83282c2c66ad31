"""Serving: everything loaded before the first request, and a line that says where to look."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading

from indexer.errors import BadSetting, PaperpathError
from indexer.settings import Settings
from service.opened import Opened
from service.serving import logs


def run(settings: Settings, host: str, port: int) -> None:
    """Serves until stopped by a signal.

    Raises `BadSetting` for an address that can't be listened on, and for one from which others could read without having
    been let in.
    """
    import uvicorn

    from service.api import create_app
    from service.serving import connections, runtime, stopping
    from service.serving.ahead import Ahead

    runtime.bound_memory()
    runtime.take_turns()
    opened = Opened(settings, behind=threading.Lock(), ahead=Ahead(settings))
    app = create_app(settings, opened, host)
    listening = listen(host, port)
    log = app.state.metrics.log = logs.start(settings.log)
    answers = _prepared(opened)
    runtime.settle()
    address = f"http://{_name_of(host, listening)}:{listening.getsockname()[1]}"
    print(f"paperpath serves {answers}\n  {address}/\n  {address}/v1/search?q=how+does+diloco+reduce+communication\n"
          f"  {address}/v1/papers\n  {address}/openapi.json", flush=True)  # fmt: skip
    print(f"  {_changes(settings)}", flush=True)
    protocol = connections.within(connections.rules_of(settings, app.state.access))
    # Forwarded headers are believed where the guard is told to.
    config = uvicorn.Config(app, http=protocol, ws="none", proxy_headers=False, server_header=False, log_config=None,
                            access_log=False, timeout_graceful_shutdown=stopping.FINISH_SECONDS)  # fmt: skip
    with contextlib.closing(log), contextlib.suppress(KeyboardInterrupt):  # how a server is stopped
        stopping.Server(config, app.state.stopping, settings.drain_seconds).run(sockets=[listening])


def _name_of(host: str, listening: socket.socket) -> str:
    """The name to look under, on this machine: that of all its addresses is none to ask by."""
    address = ipaddress.ip_address(listening.getsockname()[0].partition("%")[0])
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"[{host}]" if ":" in host else host


def _changes(settings: Settings) -> str:
    """How a change is allowed, in words."""
    from service.serving.guard.access import token_of

    if not token_of(settings):
        return ("Nothing can be added in the browser without a token: `make run` makes one, and PAPERPATH_TOKEN_FILE names its"
                " file.")  # fmt: skip
    where = f"in {settings.token_file}" if settings.token is None else "what PAPERPATH_TOKEN has"
    return f"The token for changes is {where}."


def _prepared(opened: Opened) -> str:
    """What answers from now on, in words."""
    try:
        opened.prepare()
        generation = opened.now()
        return f"generation {generation.name}, {generation.manifest.documents} documents"
    except PaperpathError as error:  # it can be made while the server runs
        return f"nothing yet: {error.message} {error.cure}"


def listen(host: str, port: int) -> socket.socket:
    """A socket that waits there; port 0 is any that is free. Raises `BadSetting`."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)  # who asks before the first answer waits, and is not refused
        return listening
    except OSError as error:
        raise BadSetting(f"{host}:{port} can't be listened on: {error.strerror or error}.",
                         cure="Choose another with --host or --port.") from None  # fmt: skip
