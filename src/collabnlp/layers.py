"""Transformer layers of BERT's kind over several texts at once, each text as if it were alone.

The weights of a matrix product are packed once, and the product is made for one text after another
while they lie in the processor's cache: no padding, and each text goes through exactly the
arithmetic that it would go through alone. What works on each token by itself (sums, norms) is done
for all texts together, since there a token's company cannot matter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

Precision = Literal["float32", "bfloat16"]
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
    """Whether a sentence-transformers folder holds BERT's own layers, and takes the mean over tokens."""
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
    )


class Layers:
    """Layers of transformers' BertModel, their weights packed.

    Parameters
    ----------
    layers
        Modules as in `BertModel.encoder.layer`; they are not changed.
    precision
        That of the factors of matrix products. Their sums, attention, norms and what goes from
        layer to layer are float32 in both.
    """

    def __init__(self, layers: Iterable[Any], precision: Precision) -> None:
        self._layers = [_Layer(layer, precision) for layer in layers]

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
    def __init__(self, layer: Any, precision: Precision) -> None:
        import torch

        attention = layer.attention.self
        parts = (attention.query, attention.key, attention.value)
        self._heads: int = attention.num_attention_heads
        self._asked = _product(
            torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts]), precision
        )
        self._seen = _product(layer.attention.output.dense.weight, layer.attention.output.dense.bias, precision)
        self._inner = _product(layer.intermediate.dense.weight, layer.intermediate.dense.bias, precision, gelu=True)
        self._outer = _product(layer.output.dense.weight, layer.output.dense.bias, precision)
        self._norms = layer.attention.output.LayerNorm, layer.output.LayerNorm

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


def _product(weight: Any, bias: Any, precision: Precision, *, gelu: bool = False) -> _Product:
    """What multiplies each of several texts with a weight, adds the bias and, if asked, applies GELU."""
    import torch

    if not torch.backends.mkldnn.is_available():  # torch on Apple's processors
        act = torch.nn.functional.gelu if gelu else torch.nn.Identity()
        return lambda texts: [act(torch.nn.functional.linear(text, weight, bias)) for text in texts]
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    with torch.no_grad():
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach().to(kind).contiguous())
        bias = bias.detach().to(kind)
    multiply = torch.ops.mkldnn._linear_pointwise  # what torch.compile uses; the version of torch is pinned
    act = ("gelu", [], "none") if gelu else ("none", [], "")
    return lambda texts: [multiply(text.to(kind), packed, bias, *act) for text in texts]
