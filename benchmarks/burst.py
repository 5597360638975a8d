"""Whether the pages hold when many come at once, slowly, or with too much: answers, milliseconds, and what was refused.

`python benchmarks/burst.py [--readers 50] [--seconds 60]`, in the project's folder after `dvc repro`.
"""

import argparse
import http.client
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

PATHS = (
    "/matrix", "/matrix?rows=document", "/cell?row=kent&column=trust", "/search?q=trust", "/code?id=trust", "/network", "/method",
    "/matrix?stance=negative", "/search?q=shared+chief+executive", "/api/matrix", "/matrix.csv",
)  # fmt: skip


def main() -> None:
    """Start a server and print a line for each trial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "collabnlp", "serve", "--port", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        print(f"memory before: {_memory(server.pid)} MB")
        _burst(port, asked.readers, asked.seconds)
        _slow(port)
        _oversized(port)
        print(f"memory after: {_memory(server.pid)} MB; the server is {'gone' if server.poll() is not None else 'up'}")
    finally:
        server.terminate()
        server.wait(20)


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server does not start")


def _memory(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)


def _ask(port: int, path: str) -> tuple[int, float]:
    """Status and milliseconds; 0 where the connection broke."""
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return status, 1000 * (time.perf_counter() - start)


def _burst(port: int, readers: int, seconds: float) -> None:
    end, answers = time.monotonic() + seconds, []

    def read(own: int) -> None:
        i = own
        while time.monotonic() < end:
            answers.append(_ask(port, PATHS[i % len(PATHS)]))
            i += 1

    threads = [threading.Thread(target=read, args=(own,)) for own in range(readers)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - start
    times = [one for _, one in answers]
    statuses = ", ".join(f"{n} times {status}" for status, n in sorted(Counter(s for s, _ in answers).items()))
    late = statistics.quantiles(times, n=20)[-1]
    print(
        f"{readers} readers for {took:.0f} s: {len(answers):,} answers, {len(answers) / took:.1f} a second; {statuses}; "
        f"median {statistics.median(times):.0f} ms, 95 % {late:.0f} ms, most {max(times):.0f} ms"
    )


def _slow(port: int) -> None:
    """Connections that send one letter a second, and some that do not read their answer."""
    lazy = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(200)]
    for one in lazy[:100]:
        one.sendall(b"GET /matrix HTTP/1.1\r\nHost: localhost\r\nX-A: ")
    for one in lazy[100:]:
        one.sendall(b"GET /matrix.csv HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answers = []
    for _ in range(10):
        for one in lazy[:100]:
            one.send(b"a")
        answers.append(_ask(port, "/method"))
        time.sleep(1)
    for one in lazy:
        one.close()
    worst = max(one for _, one in answers)
    print(
        f"200 slow connections: {len(answers)} readers beside them got {Counter(s for s, _ in answers)}, at most {worst:.0f} ms"
    )


def _oversized(port: int) -> None:
    """Requests that are too long, each on a connection of its own."""
    for what, raw in {
        "address of 1 MB": b"GET /search?q=" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "50,000 filters": b"GET /matrix?" + b"&".join([b"code=a"] * 50_000) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "5,000 filters": b"GET /matrix?" + b"&".join([b"code=trust"] * 5_000) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "header of 1 MB": b"GET /matrix HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"x" * 1_000_000 + b"\r\n\r\n",
        "body of 5 MB": b"POST /matrix HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n"
        + b"x" * 5_000_000,
        "two hosts": b"GET /matrix HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\n\r\n",
        "another host": b"GET /matrix HTTP/1.1\r\nHost: example.org\r\n\r\n",
        "no host": b"GET /matrix HTTP/1.0\r\n\r\n",
        "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 100,
    }.items():
        with socket.create_connection(("127.0.0.1", port), 10) as one:
            try:
                one.sendall(raw)
                first = one.recv(64)
            except OSError:
                first = b"(connection closed)"
        print(f"{what}: {first.split(chr(13).encode())[0].decode('latin-1') or '(connection closed)'}")
    print(f"a reader afterwards: {_ask(port, '/matrix')[0]}")


if __name__ == "__main__":
    main()
