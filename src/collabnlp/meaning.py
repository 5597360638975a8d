"""Vectors of questions in numpy: the encoder's own, without the seconds and the memory that torch takes to load.

A question is a dozen words and is asked alone, so that the arithmetic is small; a test compares the
vectors with those that `embed` gives.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collabnlp.layers import is_bert, load_tokenizer

Vectors = NDArray[np.float32]


def is_readable(folder: str | Path) -> bool:
    """Whether `QuestionEncoder` can read a model folder: BERT's own layers, the mean over words, length 1."""
    try:
        parts = _json(Path(folder) / "modules.json")
    except (OSError, ValueError):
        return False
    kinds = [part["type"].rpartition(".")[2] for part in parts]
    return is_bert(folder) and kinds == ["Transformer", "Pooling", "Normalize"]


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


class QuestionEncoder:
    """The packaged encoder, loaded at the first text.

    Parameters
    ----------
    folder
        A model folder that `is_readable`; whoever names it has checked its weights.
    max_tokens
        Longest input in word pieces; what goes beyond is not seen.
    name
        That of the encoder in `embed` whose vectors these are.
    """

    def __init__(self, folder: str | Path, max_tokens: int, name: str) -> None:
        self.folder, self.max_tokens, self.name = Path(folder), max_tokens, name
        self._weights: dict[str, Vectors] = {}
        self._tokenizer: Any = None

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n_texts, n_dimensions) float32, each row of length 1, in the order of the texts."""
        self._load()
        with self._threads.limit(limits=1):  # on arrays so small, threads wait for each other longer than they work
            rows = [self._vector(text) for text in texts]
        return np.asarray(rows, dtype=np.float32).reshape(len(texts), self._width)

    def _load(self) -> None:
        if self._weights:
            return
        from safetensors.numpy import load_file
        from threadpoolctl import ThreadpoolController

        self._threads = ThreadpoolController()
        config = _json(self.folder / "config.json")
        self._heads, self._layers = config["num_attention_heads"], config["num_hidden_layers"]
        self._epsilon, self._width = config["layer_norm_eps"], config["hidden_size"]
        self._tokenizer = load_tokenizer(self.folder, self.max_tokens)
        loaded = load_file(self.folder / "model.safetensors")
        self._weights = {name.removeprefix("bert."): array.astype(np.float32) for name, array in loaded.items()}

    def _vector(self, text: str) -> Vectors:
        weights = self._weights
        ids = self._tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8")).ids
        hidden = weights["embeddings.word_embeddings.weight"][ids]
        hidden = hidden + weights["embeddings.position_embeddings.weight"][: len(ids)]
        hidden = self._norm(hidden + weights["embeddings.token_type_embeddings.weight"][0], "embeddings")
        for i in range(self._layers):
            hidden = self._layer(hidden, f"encoder.layer.{i}")
        pooled: Vectors = hidden.mean(axis=0)
        return pooled / np.linalg.norm(pooled)

    def _layer(self, hidden: Vectors, name: str) -> Vectors:
        """One transformer layer over the hidden states of a text, (n_tokens, n_dimensions)."""
        from scipy.special import erf

        n, width = hidden.shape
        query, key, value = (
            self._dense(hidden, f"{name}.attention.self.{part}").reshape(n, self._heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(width / self._heads))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        seen = (scores / scores.sum(axis=-1, keepdims=True)) @ value
        seen = self._dense(seen.transpose(1, 0, 2).reshape(n, width), f"{name}.attention.output.dense")
        hidden = self._norm(hidden + seen, f"{name}.attention.output")
        inner = self._dense(hidden, f"{name}.intermediate.dense")
        inner = inner * np.float32(0.5) * (1 + erf(inner / np.float32(np.sqrt(2))))
        return self._norm(hidden + self._dense(inner, f"{name}.output.dense"), f"{name}.output")

    def _dense(self, hidden: Vectors, name: str) -> Vectors:
        result: Vectors = hidden @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return result

    def _norm(self, hidden: Vectors, name: str) -> Vectors:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._epsilon)
        weights = self._weights
        result: Vectors = centred / spread * weights[f"{name}.LayerNorm.weight"] + weights[f"{name}.LayerNorm.bias"]
        return result
