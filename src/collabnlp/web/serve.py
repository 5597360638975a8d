"""Runs the server on this machine."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from collabnlp.records import InputError
from collabnlp.web.guard import LOOPBACK

if TYPE_CHECKING:
    from collabnlp.desk import Desk


def serve(
    database: str | Path,
    host: str,
    port: int,
    *,
    public: bool,
    names: Sequence[str] = (),
    folder: str | Path = ".",
    desk: Callable[[], Desk] | None = None,
) -> None:
    """Serve the pages until interrupted.

    Parameters
    ----------
    host
        Address to listen on; another than this machine's own needs `public`.
    names
        Names under which others reach the server.
    desk
        Makes the desk of a reviewer, where there shall be one; only this machine may then reach the server.

    Raises
    ------
    InputError
        Where the evidence cannot be read, the port is taken, or others could reach the pages unasked.
    """
    hosts = hosts_of(host, public=public, names=names)
    if desk is not None and (public or names or not is_loopback(host)):
        raise InputError("--review", "is for the person at this machine, and shows interviews not for attribution", "leave --host, --public and --name out")  # fmt: skip
    listener = _listen(host, port)
    with listener:
        import uvicorn

        from collabnlp.web.app import create_app

        app = create_app(database, folder, hosts, desk() if desk is not None else None)
        config = uvicorn.Config(app, server_header=False, date_header=False, log_level="warning", lifespan="off")
        uvicorn.Server(config).run(sockets=[listener])


def hosts_of(host: str, *, public: bool, names: Sequence[str] = ()) -> list[str]:
    """Names under which a server may answer that listens on a host.

    Raises
    ------
    InputError
        Where others could reach it unasked, or nobody could.
    """
    if not is_loopback(host) and not public:
        raise InputError("--host", f"{host} can be reached from other machines", "add --public if everyone on the network may read the evidence")  # fmt: skip
    if host in ("0.0.0.0", "::") and not names:
        raise InputError("--name", "is missing", "say under which name or address others will open the pages, such as --name evidence.example.org")  # fmt: skip
    return [*LOOPBACK, host, *names]


def is_loopback(host: str) -> bool:
    """Whether an address is only reached from this machine.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
    except OSError as error:
        listener.close()
        raise InputError("--port", f"cannot listen on {host} port {port} ({error.strerror})", "choose another with --port") from None  # fmt: skip
    return listener
