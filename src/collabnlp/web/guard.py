"""What every answer passes: whose address was asked, and what a browser may do with the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'none'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "private, no-cache",
}


class Guard:
    """Lets through what was asked of a known host by GET (and forms, where there are any), and gives every answer its headers.

    A page of another site that has its own name point to this machine (DNS rebinding) is thus
    refused, and so is anything that would change something.

    Parameters
    ----------
    app
        What answers.
    hosts
        Names under which this server is known, without port.
    writes
        Addresses to which a form may be sent; what answers there checks who sent it.
    """

    def __init__(self, app: App, hosts: Collection[str] = LOOPBACK, writes: Collection[str] = ()) -> None:
        self.app, self.hosts = app, frozenset(host.lower().strip("[]") for host in hosts)
        self.writes = frozenset(writes)

    async def __call__(self, scope: Message, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = HEADERS | ({"cache-control": "no-store"} if scope["path"].startswith("/review") else {})
                own = {name.encode() for name in headers}
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in own]
                message["headers"] = kept + [(name.encode(), value.encode()) for name, value in headers.items()]
            await send(message)

        named = [value for name, value in scope["headers"] if name == b"host"]
        if len(named) != 1 or host_of(named[0].decode("latin-1")) not in self.hosts:
            await _plain(guarded, 400, "This server does not answer to that name.")
        elif scope["method"] not in ("GET", "HEAD") and not (
            scope["method"] == "POST" and scope["path"] in self.writes
        ):
            await _plain(guarded, 405, "This server only shows; nothing can be sent to it.", (b"allow", b"GET, HEAD"))
        else:
            await self.app(scope, receive, guarded)


def host_of(value: str) -> str:
    """The host of a Host header, without its port.

    Examples
    --------
    >>> host_of("localhost:8000"), host_of("[::1]:8000"), host_of("LOCALHOST.")
    ('localhost', '::1', 'localhost')
    """
    value = value.strip().lower()
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0].rstrip(".")


async def _plain(
    send: Callable[[Message], Awaitable[None]], status: int, text: str, *more: tuple[bytes, bytes]
) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode() + b"\n"})
