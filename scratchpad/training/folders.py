"""Checkpoint folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import GenerationConfig
from transformers.utils import logging


def save_checkpoint(folder: Path, model: Any, tokenizer: Any) -> None:
    """Save weights (or an adapter) and tokenizer without the library's own progress bar."""
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=end, pad_token_id=end if pad is None else pad
    )
    # An adapter leaves embeddings alone; unless told so, peft compares them with the hub's.
    options = {"save_embedding_layers": False} if hasattr(model, "peft_config") else {}
    with no_library_bars():
        model.save_pretrained(folder, **options)
        tokenizer.save_pretrained(folder)


@contextmanager
def no_library_bars() -> Iterator[None]:
    """Hide the library's own progress bars, which would stand between the lines of ours."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
