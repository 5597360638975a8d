"""Where a language model answers, and what that address may see."""

from __future__ import annotations

import ipaddress
import os
import re
import typing
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from collabnlp.records import Access, InputError

KEY_VARIABLE = "COLLABNLP_LLM_KEY"
_PLAIN = re.compile(r"https?://[A-Za-z0-9.\-_\[\]:]+(/[A-Za-z0-9.\-_~/]*)?", re.IGNORECASE)
_LEVELS: tuple[Access, ...] = typing.get_args(Access)  # most open first


class Address(NamedTuple):
    """An address, in the parts that are used to reach it: nothing else is taken from what was typed.

    Attributes
    ----------
    loopback
        It is this machine's own, by its number; a name that merely leads there is not.
    """

    scheme: str
    host: str
    port: int
    path: str
    loopback: bool

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def chat(self) -> str:
        """The URL that answers questions."""
        return f"{self.origin}{self.path}/chat/completions"


def parse_address(url: str, place: str = "--base-url") -> Address:
    """The address that a text names. `localhost` is taken as 127.0.0.1, so that no table of names decides where text goes.

    Raises
    ------
    InputError
        Where it is no plain http or https address. The message does not repeat it, since it may hold a password.

    Examples
    --------
    >>> parse_address("http://localhost:11434/v1").chat
    'http://127.0.0.1:11434/v1/chat/completions'
    >>> [parse_address(url).loopback for url in ("http://[::1]:8000/v1", "https://127.0.0.1.example.org/v1")]
    [True, False]
    """
    problem = InputError(
        place,
        "is no plain address of the form http://host:port/v1",
        f"leave out names, passwords, keys and questions; a key comes from the environment variable {KEY_VARIABLE}",
    )
    if not _PLAIN.fullmatch(url):
        raise problem
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise problem from None
    if not host:
        raise problem
    host = "127.0.0.1" if host == "localhost" else host
    scheme = parts.scheme.lower()
    return Address(scheme, host, port or {"http": 80, "https": 443}[scheme], parts.path.rstrip("/"), _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def highest_access(address: Address, model: str, listed: Mapping[str, Access]) -> Access:
    """The most confidential text that an address may see.

    An address on the list may see what the list says; this machine's own, all; any other, public text
    alone. A model that its server only passes on to others (its name ends with `cloud`, as Ollama
    writes it) does not answer on this machine, whatever the address.

    Examples
    --------
    >>> here = parse_address("http://localhost:11434/v1")
    >>> highest_access(here, "qwen3:8b", {}), highest_access(here, "qwen3:480b-cloud", {})
    ('non-attributable', 'public')
    """
    for url, access in listed.items():
        if parse_address(url, "params.yaml, code.addresses").origin == address.origin:
            return access
    return "non-attributable" if address.loopback and not model.lower().endswith("cloud") else "public"


def may_see(highest: Access, access: Access) -> bool:
    """Whether text of this access may go where the highest is that.

    Examples
    --------
    >>> may_see("attributable", "public"), may_see("attributable", "non-attributable")
    (True, False)
    """
    return _LEVELS.index(access) <= _LEVELS.index(highest)


def read_key(address: Address) -> str:
    """The key for an address, from the environment; empty where there is none.

    Raises
    ------
    InputError
        Where it cannot be sent, or would go over the network for all to read. The message does not repeat it.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    if key and not re.fullmatch(r"[!-~]{8,}", key):
        raise InputError(KEY_VARIABLE, "is no key: eight signs or more, without blanks", "set it anew, or unset it")
    if key and address.scheme == "http" and not address.loopback:
        raise InputError(
            KEY_VARIABLE, "would go over the network unencrypted", "use an https address, or unset the key"
        )
    return key
