"""Who asks, and what they may: from the server's address, the tokens, and where a request comes from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

from pydantic import SecretStr
from starlette.types import Scope

from indexer.errors import BadSetting
from indexer.settings import Settings

# What a proxy adds to a request that it passes on. Where one of these stands, the client's address is not who asks.
_FORWARDED = frozenset((b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip",
                        b"x-forwarded-server", b"cf-connecting-ip", b"true-client-ip"))  # fmt: skip
_LONGEST_ADDRESS = 100  # characters, with a scope
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?)(?::[0-9]{1,5})?")
_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Right(IntEnum):
    """What a token allows; each holds those before it."""

    NONE = 0
    READ = 1
    CHANGE = 2


@dataclass(frozen=True)
class Access:
    """The rules of one server. `exposed`: others than this machine can reach it.

    Tokens are held as hashes alone, so that nothing can show them and that comparing takes the same time for all.
    """

    exposed: bool = False
    anyone_may_read: bool = False
    names: frozenset[str] = frozenset()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    tokens: tuple[tuple[bytes, Right], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, settings: Settings, host: str = "127.0.0.1") -> Access:
        """The rules where a server listens on `host`.

        Raises `BadSetting` where others could read without having been let in, and for a setting that can't be meant.
        """
        change, read = token_of(settings), read_token_of(settings)
        exposed = host != "localhost" and not is_loopback(host)
        if change and change == read:
            raise BadSetting("The token that allows changes and the one that allows reading are the same.",
                             cure="Give two different ones, or set PAPERPATH_TOKEN alone: it allows reading too.")  # fmt: skip
        if exposed and not (change or read or settings.anyone_may_read):
            raise BadSetting(
                f"{host or 'Every address'} can be reached by others, and no token is set.",
                cure="Set PAPERPATH_READ_TOKEN or PAPERPATH_READ_TOKEN_FILE (and PAPERPATH_TOKEN for changes), serve on"
                " 127.0.0.1, or say --anyone-may-read.",
            )
        names = {_name(one, "PAPERPATH_HOSTS") for one in _listed(settings.hosts)}
        if exposed and _address(host) is None and _HOST.fullmatch(host):
            names.add(host.lower().rstrip("."))
        tokens = tuple((_digest(token.encode()), right) for token, right in ((read, Right.READ), (change, Right.CHANGE))
                       if token)  # fmt: skip
        return cls(exposed, settings.anyone_may_read, frozenset(names), tuple(map(_origin, _listed(settings.origins))),
                   tuple(map(_proxy, _listed(settings.proxies))), tokens)  # fmt: skip

    def right_of(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[Right, bool]:
        """What the token of a request allows, and whether a browser may have sent it of itself: by Basic."""
        given = [value for name, value in headers if name == b"authorization"]
        if len(given) != 1 or not self.tokens:
            return Right.NONE, False
        scheme, _, said = given[0].partition(b" ")
        ambient = scheme.lower() == b"basic"
        if ambient:
            try:
                said = base64.b64decode(said.strip(), validate=True).partition(b":")[2]
            except binascii.Error:
                return Right.NONE, True
        elif scheme.lower() != b"bearer":
            return Right.NONE, False
        digest = _digest(said.strip())
        rights = [right for token, right in self.tokens if hmac.compare_digest(token, digest)]
        return (rights[0] if rights else Right.NONE), ambient

    def knows(self, name: str) -> bool:
        """Whether this server goes by a name of a `Host`.

        A loopback name or a name that is set. An address, where it can be reached by others: no name leads to it, so none
        can be turned round to it.
        """
        address = _address(name)
        if address is None:
            return name == "localhost" or name in self.names
        return address.is_loopback or (self.exposed and not address.is_unspecified) or name in self.names

    def is_local(self, scope: Scope) -> bool:
        """Whether a request comes from this machine, by a loopback name, and through no proxy as far as can be seen."""
        client, host = scope.get("client"), host_of(scope)
        return (
            bool(client) and is_loopback(client[0])
            and not self.proxies and not any(name in _FORWARDED for name, _ in scope["headers"])
            and host is not None and (host == "localhost" or is_loopback(host))
        )  # fmt: skip

    def tells_paths(self, scope: Scope) -> bool:
        """Whether who asks is told where the owner's files lie: who is on this machine, or may change the library."""
        return self.is_local(scope) or self.right_of(scope["headers"])[0] == Right.CHANGE

    def may_read(self, scope: Scope) -> bool:
        """Whether a request may read. A token for reading that is set is asked for on this machine too."""
        if self.anyone_may_read or self.right_of(scope["headers"])[0] >= Right.READ:
            return True
        asked_for = any(right == Right.READ for _, right in self.tokens)
        return not self.exposed and not asked_for and self.is_local(scope)

    def from_own_page(self, scope: Scope) -> bool:
        """Whether a request comes from a page of this server that is open in a browser on this machine.

        A browser says in `Origin` which page a change comes from, and no script can say otherwise.
        """
        headers = dict(scope["headers"])
        own = f"{scope.get('scheme', 'http')}://{headers.get(b'host', b'').decode('latin-1')}"
        return (
            self.is_local(scope)
            and headers.get(b"origin", b"").decode("latin-1") == own
            and headers.get(b"sec-fetch-site", b"same-origin") == b"same-origin"
        )  # fmt: skip

    def refuses_page(self, scope: Scope) -> bool:
        """Whether a browser says that a request comes from a page that is neither ours nor named by PAPERPATH_ORIGINS."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is not None:
            told = origin.decode("latin-1")
            match, host = _ORIGIN.fullmatch(told), headers.get(b"host", b"").decode("latin-1")
            # A proxy may speak TLS for us: the name is what counts.
            return told not in self.origins and (match is None or match[2].lower() != host.lower())
        # An image or a script of another page; who follows a link is welcome.
        return (headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site")
                and headers.get(b"sec-fetch-mode") != b"navigate")  # fmt: skip


def token_of(settings: Settings) -> str:
    """The token that allows changes, "" where there is none. Raises `BadSetting` where its file can't be read."""
    return _token(settings.token, settings.token_file, "PAPERPATH_TOKEN_FILE")


def read_token_of(settings: Settings) -> str:
    """The token that allows reading alone, "" where there is none. Raises `BadSetting` where its file can't be read."""
    return _token(settings.read_token, settings.read_token_file, "PAPERPATH_READ_TOKEN_FILE")


def host_of(scope: Scope) -> str | None:
    """The name in the `Host` of a request, without its port; None where there is none, or several, or no name."""
    given = [value for name, value in scope["headers"] if name == b"host"]
    match = _HOST.fullmatch(given[0].decode("latin-1")) if len(given) == 1 else None
    return (match[1].lower().strip("[]").rstrip(".") or None) if match else None


def is_loopback(name: str) -> bool:
    """Whether it is an address of this machine alone; IPv4 within IPv6 too."""
    address = _address(name)
    return address is not None and address.is_loopback


def _address(name: str) -> Address | None:
    return _parsed(name) if len(name) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=1024)  # several times for each request
def _parsed(name: str) -> Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _token(given: SecretStr | None, file: Path | None, setting: str) -> str:
    if given is not None:
        return given.get_secret_value().strip()
    if file is None:
        return ""
    cure = f"Set {setting} to a file that holds the token, and that this user may read."
    try:
        found = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"The token file {file} can't be read: {error}.", cure=cure) from None
    if not found:
        raise BadSetting(f"The token file {file} is empty.", cure=cure)
    return found


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _listed(value: str) -> list[str]:
    return re.split(r"[\s,]+", value.strip(" ,\t\n")) if value.strip(" ,\t\n") else []


def _name(value: str, setting: str) -> str:
    if not (match := _HOST.fullmatch(value)) or match[0] != match[1]:
        raise BadSetting(f"{setting} can't be used: {value!r} is no name of a server.",
                         cure="Give names without scheme and port, such as `papers.lab.example`.")  # fmt: skip
    return match[1].lower().strip("[]").rstrip(".")


def _origin(value: str) -> str:
    if not (match := _ORIGIN.fullmatch(value)) or not _HOST.fullmatch(match[2]):
        raise BadSetting(f"PAPERPATH_ORIGINS can't be used: {value!r} is no origin.",
                         cure="Give scheme and name of each, such as `https://notes.example`.")  # fmt: skip
    return value.lower()


def _proxy(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise BadSetting(
            f"PAPERPATH_PROXIES can't be used: {value!r} is no address and no network.",
            cure="Give the addresses from which your proxies ask, such as `127.0.0.1, 10.0.0.0/8`.",
        ) from None
    return value
