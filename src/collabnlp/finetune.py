"""Coded passages become adapters: the encoder's upper layers, fine-tuned to code (torch).

The lower layers stay as they are; what they say of each passage is computed once. On the upper
ones low-rank adapters are trained (Hu et al. 2021, LoRA) with a head that looks for each code
where it lies in the passage. One adapter learns from all passages, and one for each fold learns
from all others and reads that fold, so that what comes after can weigh opinions on passages that
were not seen.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collabnlp.embed import N_STANCES, SentenceEncoder, Vectors, read_states, through
from collabnlp.engine import content_key, progress
from collabnlp.files import atomic
from collabnlp.params import Finetune
from collabnlp.records import file_sha256, write_json

_SCALE = 1.0
_STANCE_WEIGHT = 0.3  # among the losses
_BATCH_PREDICT = 64


class Task(NamedTuple):
    """Coded passages.

    Attributes
    ----------
    texts
        n_passages.
    labels
        (n_passages, n_codes), true where the code was given.
    stances
        (n_passages, n_codes), 0 positive, 1 negative, 2 neutral; -1 where the code was not given.
    sources
        Source of each passage.
    """

    texts: list[str]
    labels: NDArray[np.bool_]
    stances: NDArray[np.int64]
    sources: list[str]


def plan_folds(kinds: Sequence[str], whole_kinds: Sequence[str]) -> NDArray[np.int64]:
    """Fold of each passage, (n_passages,): each of the kinds is held out as a whole; -1: never held out, only learnt from.

    Examples
    --------
    >>> plan_folds(["restated", "report", "interview"], ["restated", "free", "interview"]).tolist()
    [0, -1, 1]
    """
    present = [kind for kind in whole_kinds if kind in kinds]
    return np.array([present.index(kind) if kind in present else -1 for kind in kinds], dtype=np.int64)


def finetune(
    task: Task,
    fold: NDArray[np.int64],
    codes: Sequence[str],
    encoder: SentenceEncoder,
    folder: Path,
    settings: Finetune,
) -> Vectors:
    """Readings of each passage by the adapter that did not see it, (n_passages, 4 n_codes): logits of codes, then of stances.

    Rows of passages that are in no fold are 0. Writes one safetensors file for each adapter into
    `folder`, and `finetuned.json` about them. An adapter that is there already and was made from
    the same passages and settings is not made again.
    """
    n_folds = int(fold.max()) + 1
    names = [*(f"fold-{k}" for k in range(n_folds)), "full"]
    rows = {name: np.flatnonzero(fold != k) for k, name in enumerate(names)}
    keys = {
        name: content_key(
            settings.model_dump(mode="json", exclude={"whole_kinds"}),
            f"{encoder.model_name}-1core",  # as it was when the adapters were made
            list(codes),
            [(task.texts[i], task.labels[i].tolist(), task.stances[i].tolist()) for i in rows[name]],
        )
        for name in names
    }
    models = {name: _Model(encoder, len(codes), settings) for name in names}
    missing = [name for name in names if not models[name].restore(folder / f"{name}.safetensors", keys[name])]
    needed = np.arange(len(fold)) if missing else np.flatnonzero(fold >= 0)
    states = dict(zip(needed.tolist(), _lower_states([task.texts[i] for i in needed], encoder, settings), strict=True))
    out_of_fold = np.zeros((len(task.texts), len(codes) * (1 + N_STANCES)), dtype=np.float32)
    adapters: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(names):
        model, path, unseen = models[name], folder / f"{name}.safetensors", np.flatnonzero(fold == k)
        if name in missing:
            _train(model, states, task, rows[name], settings, name)
            model.save(path, keys[name])
            model.restore(path, keys[name])  # what is read from now on is what was written, rounded
        out_of_fold[unseen] = model.predict([states[i] for i in unseen.tolist()])
        adapters[path.name] = {
            "sha256": file_sha256(path),
            "held_out": sorted({task.sources[i] for i in unseen}),
            "passages": len(rows[name]),
        }
    write_json(
        folder / "finetuned.json",
        {
            "format": 1,
            "encoder_sha256": encoder.sha256,
            "first_layer": settings.first_layer,
            "scale": _SCALE,
            "codes": list(codes),
            "sources": sorted(set(task.sources)),
            "adapters": dict(sorted(adapters.items(), reverse=True)),
        },
    )
    return out_of_fold


def _lower_states(texts: Sequence[str], encoder: SentenceEncoder, settings: Finetune) -> list[Any]:
    """(n_tokens, n_dimensions) half-precision hidden states of each text after the frozen layers."""
    import torch

    model = encoder.load()
    bert, tokenizer = model[0].auto_model, model.tokenizer
    ids = [tokenizer(text, truncation=True, max_length=encoder.max_tokens)["input_ids"] for text in texts]
    states: list[Any] = [None] * len(texts)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    batches = [order[i : i + _BATCH_PREDICT] for i in range(0, len(order), _BATCH_PREDICT)]
    with torch.no_grad():
        for batch in progress(batches, "Lower layers"):
            padded, mask = _pad([torch.tensor(ids[i]) for i in batch])
            hidden = through(
                bert.encoder.layer[: settings.first_layer], bert.embeddings(input_ids=padded), _blocked(mask)
            )
            for row, i in enumerate(batch):
                states[i] = hidden[row, : len(ids[i])].half()
    return states


class _Model:
    """Upper layers with low-rank adapters, and the head."""

    def __init__(self, encoder: SentenceEncoder, n_codes: int, settings: Finetune) -> None:
        import torch

        torch.manual_seed(settings.seed)
        bert = encoder.load()[0].auto_model
        dimension = bert.config.hidden_size
        self.layers = copy.deepcopy(bert.encoder.layer[settings.first_layer :])
        for parameter in self.layers.parameters():
            parameter.requires_grad = False
        self.lora: dict[str, tuple[Any, Any]] = {}
        for name, module in self.layers.named_modules():
            if isinstance(module, torch.nn.Linear):
                a = torch.randn(settings.rank, module.in_features) / math.sqrt(module.in_features)
                pair = torch.nn.Parameter(a), torch.nn.Parameter(torch.zeros(module.out_features, settings.rank))
                self.lora[name] = pair
                module.register_forward_hook(_add(*pair))
        self.small = {
            name: parameter
            for name, parameter in self.layers.named_parameters()
            if name.endswith("bias") or "LayerNorm" in name
        }
        for parameter in self.small.values():
            parameter.requires_grad = True
        spread = 1 / math.sqrt(dimension)

        def uniform(*shape: int) -> Any:
            return torch.nn.Parameter((torch.rand(*shape) * 2 - 1) * spread)

        self.head = {
            "attention": uniform(n_codes, dimension),
            "attention_bias": torch.nn.Parameter(torch.zeros(n_codes)),
            "codes": uniform(n_codes, dimension),
            "codes_bias": torch.nn.Parameter(torch.full((n_codes,), -2.0)),
            "stances": uniform(n_codes, N_STANCES, dimension),
            "stances_bias": torch.nn.Parameter(torch.zeros(n_codes, N_STANCES)),
        }
        self.random_state = torch.get_rng_state()  # training goes on from here, whatever else is made meanwhile

    def forward(self, states: Sequence[Any], dropout: float = 0.0) -> tuple[Any, Any]:
        import torch

        hidden, mask = _pad([state.float() for state in states])
        hidden = through(self.layers, hidden, _blocked(mask))
        hidden = torch.nn.functional.dropout(hidden, dropout, training=dropout > 0)
        codes, stances, _ = read_states(hidden, mask, self.head)
        return codes.float(), stances.float()

    def predict(self, states: Sequence[Any]) -> Vectors:
        """(n, 4 n_codes): logits of codes, then of stances."""
        import torch

        self.layers.eval()
        n_codes = len(self.head["codes"])
        rows = np.zeros((len(states), n_codes * (1 + N_STANCES)), dtype=np.float32)
        order = sorted(range(len(states)), key=lambda i: len(states[i]))
        with torch.inference_mode():
            for start in range(0, len(order), _BATCH_PREDICT):
                batch = order[start : start + _BATCH_PREDICT]
                codes, stances = self.forward([states[i] for i in batch])
                rows[batch] = torch.cat([codes, stances.flatten(1)], dim=1).numpy()
        return rows

    def _arrays(self) -> dict[str, Any]:
        arrays = {f"head.{name}": array for name, array in self.head.items()} | self.small
        for name, (a, b) in self.lora.items():
            arrays |= {f"{name}.lora_a": a, f"{name}.lora_b": b}
        return arrays

    def save(self, path: Path, key: str) -> None:
        """Write half-precision safetensors, atomically."""
        from safetensors.torch import save_file

        arrays = {name: array.detach().half().contiguous() for name, array in sorted(self._arrays().items())}
        with atomic(path) as temporary:
            save_file(arrays, temporary, metadata={"made_from": key})

    def restore(self, path: Path, key: str) -> bool:
        """Whether the file held the adapter of this key; its weights are then taken."""
        import torch
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file, torch.no_grad():
                if (file.metadata() or {}).get("made_from") != key:
                    return False
                for name, array in self._arrays().items():
                    array.copy_(file.get_tensor(name).float())
        except (OSError, SafetensorError):
            return False
        return True


def _add(a: Any, b: Any) -> Any:
    return lambda _module, inputs, output: output + _SCALE * ((inputs[0] @ a.T) @ b.T)


def _train(
    model: _Model, states: Mapping[int, Any], task: Task, rows: NDArray[np.int64], settings: Finetune, name: str
) -> None:
    import torch

    functional = torch.nn.functional
    rng = np.random.default_rng(settings.seed)
    torch.set_rng_state(model.random_state)
    labels, stances = torch.tensor(task.labels, dtype=torch.float32), torch.tensor(task.stances)
    parameters = [*model.small.values(), *model.head.values(), *(p for pair in model.lora.values() for p in pair)]
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=0.01)
    n_steps = settings.epochs * math.ceil(len(rows) / settings.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / (0.1 * n_steps)) * (n_steps - step) / n_steps
    )
    model.layers.eval()  # their own dropout costs a quarter of the time; the head's is enough
    for batch in progress(list(_batches(rows, states, settings, rng)), f"Adapter {name}"):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            codes, said = model.forward([states[i] for i in batch], settings.dropout)
        loss: Any = functional.binary_cross_entropy_with_logits(codes, labels[batch], reduction="sum")
        given = stances[batch] >= 0
        loss = loss + _STANCE_WEIGHT * functional.cross_entropy(said[given], stances[batch][given], reduction="sum")
        optimizer.zero_grad()
        (loss / len(batch)).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()


def _batches(
    rows: NDArray[np.int64], states: Mapping[int, Any], settings: Finetune, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Passages of like length together, in an order drawn anew for each epoch."""
    lengths = np.array([len(states[i]) for i in rows])
    for _ in range(settings.epochs):
        order = rows[np.argsort(lengths + rng.uniform(-8, 8, len(rows)), kind="stable")]
        batches = [order[i : i + settings.batch_size] for i in range(0, len(order), settings.batch_size)]
        for b in rng.permutation(len(batches)):
            yield batches[b]


def _pad(rows: Sequence[Any]) -> tuple[Any, Any]:
    """Rows of unequal length as one tensor, and its mask of (n, n_tokens) with 1 for a token."""
    import torch

    padded = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    return padded, (torch.arange(padded.shape[1])[None, :] < lengths[:, None]).float()


def _blocked(mask: Any) -> Any:
    return (1 - mask[:, None, None, :]) * -1e4
