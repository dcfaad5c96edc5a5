"""Attention masks of our own, made for each type of layer that a model has.

A model takes a four-dimensional mask as it is: one mask for all layers would silently forget the
sliding windows of some.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def additive_masks(model: Any, allowed: np.ndarray, queries: np.ndarray, keys: np.ndarray) -> Any:
    """The mask of each type of attention layer, as a model takes it.

    Parameters
    ----------
    model
        A Hugging Face causal LM.
    allowed : ndarray of bool, shape (rows, queries, keys)
        Who may attend to whom, windows apart.
    queries, keys : ndarray of int, shapes (rows, queries) and (rows, keys)
        Positions in their sequences; a sliding window hides what lies further back.

    Returns
    -------
    Tensor or dict of Tensor
        0 or the lowest number, (rows, 1, queries, keys); by type where there are several.
    """
    masks = {
        name: _additive(
            model, allowed if window is None else allowed & _near(queries, keys, window)
        )
        for name, window in layer_windows(model.config.get_text_config()).items()
    }
    return masks if len(masks) > 1 else next(iter(masks.values()))


def _near(queries: np.ndarray, keys: np.ndarray, window: int) -> np.ndarray:
    # Compared without the matrix of distances, which would be eight times as large.
    near: np.ndarray = keys[:, None, :] > (queries - window)[:, :, None]
    return near


def _additive(model: Any, allowed: np.ndarray) -> torch.Tensor:
    permitted = torch.from_numpy(allowed)[:, None].to(model.device)
    mask = torch.zeros(permitted.shape, dtype=model.dtype, device=model.device)
    return mask.masked_fill_(~permitted, torch.finfo(model.dtype).min)


def layer_windows(config: Any) -> dict[str, int | None]:
    """The types of attention layers of a model and how far back each sees (`None`: all the way)."""
    window = getattr(config, "sliding_window", None)
    if getattr(config, "use_sliding_window", True) is False:
        window = None
    types = list(dict.fromkeys(getattr(config, "layer_types", None) or ()))
    if not types:
        return {"sliding_attention" if window else "full_attention": window}
    return {name: window if name == "sliding_attention" else None for name in types}
