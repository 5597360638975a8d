"""Does some work for many items, here or on a cluster, and remembers what it has done.

Results are kept by a key that holds everything they depend on: content, parameters and the code
that made them. The store stands beside DVC, not in its place: it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import itertools
import json
import logging
import os
import socket
import sys
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

from collabnlp.params import Ray
from collabnlp.records import InputError, text_sha256, write_text

T = TypeVar("T")
CACHE = Path(".cache/collabnlp")
_ITEMS = 4  # to a file for the cluster: what one worker gets at a time


def content_key(*parts: Any) -> str:
    """SHA-256 of the parts as JSON: equal parts give equal keys, in any process.

    Examples
    --------
    >>> content_key("a", 1) == content_key("a", 1), content_key("a", 1) == content_key("a", 2)
    (True, False)
    """
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return text_sha256(text)


def code_version(*modules: ModuleType) -> str:
    """SHA-256 of the modules' source (of all files of a package): changes when the code does."""
    digest = hashlib.sha256()
    for module in modules:
        path = Path(module.__file__ or "")
        for file in sorted(path.parent.glob("*.py")) if path.name == "__init__.py" else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()


class Work(NamedTuple):
    """What is done with each item, in this process or in others.

    Attributes
    ----------
    target
        `module:function`: a context manager that takes `setup` and gives the function that is called
        with an item. It is entered once in a process, and only where something is to be done.
    setup
        What JSON can hold; all that the work needs to know beyond the files of the project.
    """

    target: str
    setup: Any = None

    @contextmanager
    def begin(self) -> Iterator[Callable[[Any], Any]]:
        """Give the function."""
        module, _, name = self.target.partition(":")
        with getattr(importlib.import_module(module), name)(self.setup) as function:
            yield function


class Done(NamedTuple):
    """The result for one item, and whether it had to be computed."""

    value: Any
    new: bool


def run(
    work: Work,
    items: Iterable[tuple[str, Any]],
    *,
    store: Path | None = None,
    total: int = 0,
    title: str = "",
    passing: Callable[[Any], bool] = lambda value: False,
    ray: Ray | None = None,
) -> Iterator[Done]:
    """Results of some work for all items, in order; one item is in memory at a time.

    Parameters
    ----------
    work
        Gives for an item a value that JSON can hold (or, where nothing is remembered, an array).
    items
        Each with the key under which its result is remembered. JSON must be able to hold an item.
    store
        Folder of the remembered results; None: nothing is remembered.
    total, title
        Number of items, and name, of the progress bar, which shows on a terminal only.
    passing
        Whether a result hangs on the moment, so that it is not remembered.
    ray
        The cluster that does the work; None: it is done here. The results are the same.

    Examples
    --------
    >>> from contextlib import nullcontext
    >>> [done.value for done in run(Work("contextlib:nullcontext", str.upper), [("1", "a"), ("2", "b")])]
    ['A', 'B']
    """
    results = _here(work, items, store) if ray is None else _there(work, items, store, ray)
    for key, done in progress(results, title, total):
        if done.new and store is not None and not passing(done.value):
            text = json.dumps(done.value, ensure_ascii=False)
            write_text(_place(store, key), f"{_sum(text)}\n{text}")
        yield done


def _here(work: Work, items: Iterable[tuple[str, Any]], store: Path | None) -> Iterator[tuple[str, Done]]:
    with ExitStack() as stack:
        function: Callable[[Any], Any] | None = None
        for key, item in items:
            known = _recall(store, key)
            if known is None:
                function = function or stack.enter_context(work.begin())
                yield key, Done(function(item), True)
            else:
                yield key, Done(known, False)


def _there(work: Work, items: Iterable[tuple[str, Any]], store: Path | None, ray: Ray) -> Iterator[tuple[str, Done]]:
    order: list[tuple[str, bool]] = []

    def missing() -> Iterator[Any]:
        for key, item in items:
            order.append((key, _recall(store, key) is None))
            if order[-1][1]:
                yield item

    with _on_cluster(work, missing(), ray) as results:
        for key, new in order:
            yield key, Done(next(results) if new else _recall(store, key), new)


@contextmanager
def _on_cluster(work: Work, items: Iterable[Any], ray: Ray) -> Iterator[Iterator[Any]]:
    """Give the results of items, in order, which Ray Data works out.

    The items go as Parquet into the scratch folder, from where the workers read them; so this
    process never holds them all. No item is sent over where there is none, and no cluster sought.
    """
    import fsspec

    files, scratch = fsspec.core.url_to_fs(f"{ray.scratch}/{uuid.uuid4().hex}")
    try:
        parts = _write_items(files, scratch, items)
        if not parts:
            yield iter(())
            return
        with (
            _cluster(ray) as n_processors,
            closing(
                _results(work, [files.unstrip_protocol(part) for part in parts], ray.workers or n_processors)
            ) as results,
        ):
            yield results
    finally:
        if files.exists(scratch):
            files.rm(scratch, recursive=True)


def _write_items(files: Any, scratch: str, items: Iterable[Any]) -> list[str]:
    """Paths of Parquet files that hold the items, `_ITEMS` to a file, in order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths: list[str] = []
    numbered = enumerate(items)
    while rows := list(itertools.islice(numbered, _ITEMS)):
        files.makedirs(scratch, exist_ok=True)
        paths.append(f"{scratch}/{len(paths):08d}.parquet")
        texts = [json.dumps(item) for _, item in rows]  # in ASCII, for letters that are no UTF-8
        with files.open(paths[-1], "wb") as handle:
            pq.write_table(pa.table({"n": [n for n, _ in rows], "item": texts}), handle)
    return paths


@contextmanager
def _cluster(settings: Ray) -> Iterator[int]:
    """Give the number of processors of a cluster, ours for the time being or one that runs already."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "params.yaml", "engine is ray, which is not installed", "run `make ray`, or set engine to local"
        ) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    own = {"address": settings.address} if settings.address else {"include_dashboard": False}
    try:
        host, _, port = settings.address.rpartition(":")
        if port.isdigit():  # Ray itself asks for minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(logging_level="error", log_to_driver=False, **own)
    except (OSError, ValueError, RuntimeError) as error:
        first = str(error).strip().partition("\n")[0]
        raise InputError(
            "params.yaml",
            f"no Ray cluster answers at {settings.address or 'this machine'} ({first})",
            "start one with `ray start --head`, or set engine to local",
            place="ray.address",
        ) from error
    try:
        yield int(ray.cluster_resources().get("CPU", 1))
    except ray.exceptions.RayError as error:
        known = next((e for e in _causes(error) if isinstance(e, (InputError, OSError))), None)
        raise known or InputError(
            "params.yaml",
            f"the Ray cluster failed ({type(error).__name__})",
            "run `dvc repro` again: what was finished is not done again",
            place="ray.address",
        ) from error
    finally:
        ray.shutdown()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "cause", None) or error.__cause__


def _results(work: Work, parts: list[str], workers: int) -> Generator[Any]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    results = ray.data.from_items(parts, override_num_blocks=len(parts)).map_batches(
        _Worker,
        fn_constructor_args=(work, os.getcwd()),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(parts))),
        num_cpus=1,
    )
    for expected, row in enumerate(results.iter_rows()):
        if row["n"] != expected:
            raise RuntimeError(f"result {row['n']} came in place of {expected}")
        yield _unpacked(row["result"])


class _Worker:
    """What works in a process of the cluster, in the project's folder."""

    def __init__(self, work: Work, folder: str) -> None:
        os.chdir(folder)
        os.environ["HF_HUB_OFFLINE"] = "1"
        self._stack = ExitStack()
        self._function = self._stack.enter_context(work.begin())

    def __call__(self, parts: Any) -> Any:
        import fsspec
        import pyarrow as pa
        import pyarrow.parquet as pq

        numbers, results = [], []
        for path in parts["item"].to_pylist():
            with fsspec.open(path, "rb") as handle:
                batch = pq.read_table(handle)
            numbers += batch["n"].to_pylist()
            results += [_packed(self._function(json.loads(item))) for item in batch["item"].to_pylist()]
        return pa.table({"n": numbers, "result": pa.array(results, pa.large_binary())})


def _packed(value: Any) -> bytes:
    """A result as bytes that run no code when they are read."""
    import numpy as np

    if not isinstance(value, np.ndarray):
        return b"{" + json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    handle = io.BytesIO()
    np.save(handle, value, allow_pickle=False)
    return handle.getvalue()


def _unpacked(data: bytes) -> Any:
    import numpy as np

    if data[:1] == b"{":
        return json.loads(data[1:].decode("utf-8", "surrogatepass"))
    return np.load(io.BytesIO(data), allow_pickle=False)


def _place(store: Path, key: str) -> Path:
    return store / key[:2] / f"{key}.json"


def _recall(store: Path | None, key: str) -> Any:
    """A remembered result; None where there is none, or a disk or a killed machine spoilt it."""
    if store is None:
        return None
    try:
        found, _, text = _place(store, key).read_text(encoding="utf-8", errors="surrogateescape").partition("\n")
        return json.loads(text) if found == _sum(text) else None
    except (OSError, ValueError):
        return None


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def progress(items: Iterable[T], title: str, total: int = 0) -> Iterable[T]:
    """The items, with a progress bar on stderr where that is a terminal."""
    total = total or (len(items) if isinstance(items, Sized) else 0)
    if not title or not sys.stderr.isatty() or total < 2:
        return items
    from rich.console import Console
    from rich.progress import track

    tracked: Iterable[T] = track(items, description=title, total=total, console=Console(stderr=True))
    return tracked
