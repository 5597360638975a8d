"""An encoder of BERT's kind over several texts at once, each text as if it were alone.

The weights of a matrix product are packed once, and the product is made for one text after another
while they lie in the processor's cache: no padding, and each text goes through exactly the
arithmetic that it would go through alone. What works on each token by itself (sums, norms) is done
for all texts together, since there a token's company cannot matter. The parts are read from the
model's folder without transformers, which takes five seconds to load.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

Precision = Literal["float32", "bfloat16"]
Weights = dict[str, Any]  # arrays of torch, named as in transformers' BertLayer
_Product = Callable[[Sequence[Any]], list[Any]]


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself.

    oneDNN imitates it on others, four times as slowly as here and with other digits, so that what
    is imitated is not used.
    """
    import torch

    can = torch.cpu.get_capabilities()
    return torch.backends.mkldnn.is_available() and bool(can.get("avx512_bf16") or can.get("amx_bf16"))


def is_bert(folder: str | Path) -> bool:
    """Whether a sentence-transformers folder holds BERT's own layers with a tokenizer, and takes the mean over tokens."""
    try:
        config, pooling = (
            json.loads((Path(folder) / name).read_text(encoding="utf-8"))
            for name in ("config.json", "1_Pooling/config.json")
        )
    except (OSError, ValueError):
        return False
    old = [name for name, used in pooling.items() if name.startswith("pooling_mode_") and used]
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and (pooling.get("pooling_mode") == "mean" or old == ["pooling_mode_mean_tokens"])
        and (Path(folder) / "tokenizer.json").exists()
    )


def load_tokenizer(folder: Path, max_tokens: int) -> Any:
    """The tokenizer of a folder that `is_bert`, which cuts a text after `max_tokens` word pieces and pads none."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


class Bert:
    """The parts of an encoder of BERT's kind.

    Parameters
    ----------
    folder
        A model folder that `is_bert`; whoever names it has checked its weights.
    max_tokens
        Longest input in word pieces; what goes beyond is not seen.

    Attributes
    ----------
    width
        Dimensions of a vector.
    layers
        Weights of each layer.
    """

    def __init__(self, folder: Path, max_tokens: int) -> None:
        from safetensors.torch import load_file

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.width: int = config["hidden_size"]
        self._heads: int = config["num_attention_heads"]
        self._epsilon: float = config["layer_norm_eps"]
        self._tokenizer = load_tokenizer(folder, max_tokens)
        loaded = load_file(folder / "model.safetensors")
        weights = {name.removeprefix("bert."): array.float() for name, array in loaded.items()}
        self._embeddings = _below(weights, "embeddings.")
        self.layers = [_below(weights, f"encoder.layer.{i}.") for i in range(config["num_hidden_layers"])]

    def tokens(self, text: str) -> Any:
        """What the tokenizer says of a text: `ids`, and `offsets`, where in the text each token lies."""
        return self._tokenizer.encode(text)

    def enter(self, ids: Sequence[Sequence[int]]) -> tuple[Any, list[int]]:
        """Hidden states of texts before the first layer, one text below another, and the tokens of each."""
        import torch

        part = self._embeddings
        lengths = [len(text) for text in ids]
        hidden = part["word_embeddings.weight"][torch.tensor([i for text in ids for i in text])]
        hidden = hidden + part["token_type_embeddings.weight"][0]
        hidden = hidden + torch.cat([part["position_embeddings.weight"][:n] for n in lengths])
        return _norm(part, "LayerNorm", self._epsilon)(hidden), lengths

    def stack(self, layers: Iterable[Weights], precision: Precision) -> Layers:
        """Layers one upon the other, of this encoder or shaped like its own."""
        return Layers([_Layer(layer, self._heads, self._epsilon, precision) for layer in layers])


def _below(weights: Mapping[str, Any], start: str) -> Weights:
    return {name.removeprefix(start): array for name, array in weights.items() if name.startswith(start)}


class Layers:
    """Layers with packed weights, as `Bert.stack` makes them.

    The precision is that of the factors of matrix products. Their sums, attention, norms and what
    goes from layer to layer are float32 in both.
    """

    def __init__(self, layers: Sequence[_Layer]) -> None:
        self._layers = layers

    def __call__(self, hidden: Any, lengths: Sequence[int]) -> Any:
        """Hidden states, (n_tokens of all texts, n_dimensions) float32, after the layers.

        Parameters
        ----------
        hidden
            The same before them, one text below another.
        lengths
            Tokens of each text.
        """
        for layer in self._layers:
            hidden = layer(hidden, list(lengths))
        return hidden


class _Layer:
    def __init__(self, weights: Weights, heads: int, epsilon: float, precision: Precision) -> None:
        import torch

        asked = [
            torch.cat([weights[f"attention.self.{part}.{kind}"] for part in ("query", "key", "value")])
            for kind in ("weight", "bias")
        ]
        self._heads = heads
        self._asked = _product(asked[0], asked[1], precision)
        self._seen = _dense(weights, "attention.output.dense", precision)
        self._inner = _dense(weights, "intermediate.dense", precision, gelu=True)
        self._outer = _dense(weights, "output.dense", precision)
        self._norms = [_norm(weights, f"{part}.LayerNorm", epsilon) for part in ("attention.output", "output")]

    def __call__(self, hidden: Any, lengths: list[int]) -> Any:
        import torch

        seen = [self._attend(asked) for asked in self._asked(hidden.split(lengths))]
        hidden = self._norms[0](hidden + torch.cat(self._seen(seen)))
        return self._norms[1](hidden + torch.cat(self._outer(self._inner(hidden.split(lengths)))))

    def _attend(self, asked: Any) -> Any:
        """(n_tokens, n_dimensions): what each token of one text sees, from its (n_tokens, 3 n_dimensions)."""
        import torch

        n, width = asked.shape[0], asked.shape[1] // 3
        query, key, value = asked.float().view(n, 3, self._heads, -1).permute(1, 2, 0, 3)[:, None].unbind(0)
        seen = torch.nn.functional.scaled_dot_product_attention(query, key, value)
        return seen[0].transpose(0, 1).reshape(n, width)


def _norm(weights: Weights, name: str, epsilon: float) -> Callable[[Any], Any]:
    import torch

    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return lambda hidden: torch.nn.functional.layer_norm(hidden, weight.shape, weight, bias, epsilon)


def _dense(weights: Weights, name: str, precision: Precision, *, gelu: bool = False) -> _Product:
    return _product(weights[f"{name}.weight"], weights[f"{name}.bias"], precision, gelu=gelu)


def _product(weight: Any, bias: Any, precision: Precision, *, gelu: bool = False) -> _Product:
    """What multiplies each of several texts with a weight, adds the bias and, if asked, applies GELU."""
    import torch

    if not torch.backends.mkldnn.is_available():  # torch on Apple's processors
        act = torch.nn.functional.gelu if gelu else torch.nn.Identity()
        return lambda texts: [act(torch.nn.functional.linear(text, weight, bias)) for text in texts]
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.to(kind).contiguous())
    bias = bias.to(kind)
    multiply = torch.ops.mkldnn._linear_pointwise  # what torch.compile uses; the version of torch is pinned
    act = ("gelu", [], "none") if gelu else ("none", [], "")
    return lambda texts: [multiply(text.to(kind), packed, bias, *act) for text in texts]
