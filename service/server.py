"""Serving: everything loaded before the first request, and a line that says where to look."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import sys

from indexer.errors import BadSetting, PaperpathError
from indexer.settings import Settings
from service.guard import token_of
from service.opened import Opened


def run(settings: Settings, host: str, port: int) -> None:
    """Serves until stopped by a signal.

    Raises `BadSetting` for an address that can't be listened on, and for one that others can reach without a token.
    """
    import uvicorn

    from service.api import create_app

    if not _loopback(host) and not token_of(settings):
        raise BadSetting(f"{host} can be reached by others, and no token is set.",
                         cure="Set PAPERPATH_TOKEN or PAPERPATH_TOKEN_FILE, or serve on 127.0.0.1.")  # fmt: skip
    opened = Opened(settings)
    app = create_app(settings, opened)
    listening = _listen(host, port)
    try:
        opened.prepare()
        generation = opened.now()
        answers = f"generation {generation.name}, {generation.manifest.documents} documents"
    except PaperpathError as error:  # it can be made while the server runs
        answers = f"nothing yet: {error.message} {error.cure}"
    address = f"http://{'[' + host + ']' if ':' in host else host}:{listening.getsockname()[1]}"
    print(f"paperpath serves {answers}\n  {address}/\n  {address}/v1/search?q=how+does+diloco+reduce+communication\n"
          f"  {address}/v1/papers\n  {address}/openapi.json", flush=True)  # fmt: skip
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # where it serves was said above
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=10)
    with contextlib.suppress(KeyboardInterrupt):  # how a server is stopped
        uvicorn.Server(config).run(sockets=[listening])


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
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
