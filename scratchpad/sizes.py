"""How many bytes a model's tensors take, as far as batches are cut by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

# What is made of logits beside themselves: float32 copies, and their softmax.
SCORED = 8
# The same where a token is drawn: cumulated shares in float64, too.
DRAWN = 24


@dataclass(frozen=True)
class Sizes:
    """Bytes of a model's tensors.

    Parameters
    ----------
    item : int
        Bytes of a number.
    width, inner, vocabulary, heads, layers : int
        Numbers of a token between layers, within an MLP and at the output; attention heads.
    kept : int
        Numbers that stand for a token in a cache of keys and values.
    eager : bool
        Whether attention makes the whole matrix of scores.
    """

    item: int
    width: int
    inner: int
    vocabulary: int
    heads: int
    layers: int
    kept: int
    eager: bool

    @classmethod
    def of(cls, model: Any) -> Self:
        """Read them off a Hugging Face causal LM."""
        config = model.config.get_text_config()
        width = int(config.hidden_size)
        heads = int(getattr(config, "num_attention_heads", None) or 1)
        head = int(getattr(config, "head_dim", None) or width // heads)
        layers = int(config.num_hidden_layers)
        return cls(
            item=int(model.dtype.itemsize),
            width=width,
            inner=int(getattr(config, "intermediate_size", None) or 4 * width),
            vocabulary=int(config.vocab_size),
            heads=heads,
            layers=layers,
            kept=2 * layers * int(getattr(config, "num_key_value_heads", None) or heads) * head,
            eager=getattr(config, "_attn_implementation", None) == "eager",
        )

    def tokens(self, count: int) -> int:
        """What one layer makes of tokens that are read at once."""
        return count * (6 * self.width + 3 * self.inner) * self.item

    def cached(self, count: int) -> int:
        """Keys and values of tokens, of all layers."""
        return count * self.kept * self.item

    def attended(self, rows: int, queries: int, keys: int) -> int:
        """One layer's keys and values as attention takes them, and its scores where it has them."""
        scores = self.heads * (2 * self.item + 4) if self.eager else 0
        return rows * keys * (4 * self.width * self.item + queries * scores)

    def logits(self, count: int, beside: int = SCORED) -> int:
        """Logits of positions with what is made of them."""
        return count * self.vocabulary * (self.item + beside)
