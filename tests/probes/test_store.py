"""Activations on disk: the same numbers, resumed to the same bytes, and refused when not ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from probes import store as storing
from probes.activations import capture
from probes.checksums import model_checksum
from probes.positions import ABSENT, Place
from probes.store import MANIFEST, TENSORS, WRITTEN, Store, record
from probes.texts import Texts
from scratchpad.errors import ConfigError, DataError, RunFolderError
from tiny import byte_tokenizer, random_model

TOKENIZER = byte_tokenizer()
HOOKS = ["blocks.0.hook_resid_pre", "blocks.0.hook_resid_post", "blocks.1.hook_resid_post"]
BATCHES = 4


def _model(**changes: Any) -> Any:
    return random_model("llama", TOKENIZER, **changes)


def _texts() -> Texts:
    """Ten texts of several lengths in `BATCHES` batches of 3; one has nothing to read."""
    generator = np.random.default_rng(0)
    lengths = [5, 17, 9, 30, 1, 12, 4, 8, 22, 3]
    places = [
        (Place(0, n, "max"), Place(n - 1, n) if n > 4 else ABSENT) if n > 1 else (ABSENT, ABSENT)
        for n in lengths
    ]
    return Texts(
        tuple(f"t{row}" for row in range(len(lengths))),
        tuple(tuple(generator.integers(0, 300, size=n).tolist()) for n in lengths),
        tuple(places),
        ("max:text", "100%"),
    )


def _record(folder: Path, model: Any, texts: Texts | None = None, **options: Any) -> Store:
    return record(folder, model, TOKENIZER, texts or _texts(), batch_size=3, **options)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def forwards() -> Iterator[list[int]]:
    """Counts every model's forward passes while a test runs."""
    calls: list[int] = []
    handle = torch.nn.modules.module.register_module_forward_pre_hook(
        lambda module, _: calls.append(1) if type(module).__name__ == "LlamaModel" else None
    )
    yield calls
    handle.remove()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_it_holds_what_capture_gives(dtype: str, tmp_path: Path) -> None:
    model, texts = _model(), _texts()
    found = _record(tmp_path, model, dtype=dtype)
    expected = torch.from_numpy(capture(model, texts, batch_size=3)).to(getattr(torch, dtype))
    tensors = load_file(tmp_path / TENSORS)
    assert set(tensors) == set(HOOKS)
    for number, hook in enumerate(HOOKS):
        assert tensors[hook].dtype == getattr(torch, dtype)
        assert torch.equal(tensors[hook].isnan(), expected[:, number].isnan())
        assert torch.equal(tensors[hook].nan_to_num(), expected[:, number].nan_to_num())
    np.testing.assert_array_equal(found.vectors(), expected.float().numpy())
    np.testing.assert_array_equal(found.layer(1), expected[:, 2].float().numpy())
    assert set(_contents(tmp_path)) == {TENSORS, MANIFEST}


def test_anyone_can_read_it(tmp_path: Path) -> None:
    model, texts = _model(), _texts()
    _record(tmp_path, model, layers=[1, -1])
    with safe_open(tmp_path / TENSORS, framework="np") as file:
        assert file.keys() == [HOOKS[0], HOOKS[2]]
        rows = file.get_slice(HOOKS[2])[3:5]
    np.testing.assert_array_equal(rows, capture(model, texts, batch_size=3)[3:5, 2])
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest["hooks"] == [HOOKS[2], HOOKS[0]]
    assert manifest["transcripts"] == list(texts.ids)
    assert manifest["positions"] == ["max:text", "100%"]
    assert manifest["places"][1] == [[0, 17, "max"], [16, 17, "mean"]]


@pytest.mark.parametrize("after", range(BATCHES))
@pytest.mark.parametrize("where", ["before the batch", "before it is marked"])
def test_a_broken_off_capture_goes_on_to_the_same_bytes(
    after: int, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forwards: list[int]
) -> None:
    model, whole, broken = _model(), tmp_path / "whole", tmp_path / "broken"
    _record(whole, model)
    marks = storing._mark
    done: list[int] = []

    def break_off(path: Path, rows: list[int]) -> None:
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(1)
        marks(path, rows)
        if where == "before the batch" and len(done) == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(storing, "_mark", break_off)
        with pytest.raises(KeyboardInterrupt):
            _record(broken, model)
    with pytest.raises(DataError, match=r"are not finished\. Capture into the same folder again"):
        Store.open(broken)
    forwards.clear()
    _record(broken, model)
    # The last of the batches holds the text without any place, and needs no forward.
    assert len(forwards) == max(BATCHES - 1 - after, 0)
    assert _contents(broken) == _contents(whole)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import test_store
calls = []
model = test_store._model()
model.model.register_forward_pre_hook(
    lambda *_: os.kill(os.getpid(), signal.SIGKILL) if len(calls) == 2 else calls.append(1)
)
test_store._record(Path(sys.argv[1]), model)
"""


def test_a_killed_capture_goes_on_to_the_same_bytes(tmp_path: Path, forwards: list[int]) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    places = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]
    done = subprocess.run([sys.executable, "-c", KILLED, str(killed), *places], check=False)
    assert done.returncode == -9
    assert np.fromfile(killed / WRITTEN, dtype=np.bool_).sum() == 6
    _record(killed, _model())
    assert len(forwards) == 1
    _record(whole, _model())
    assert _contents(killed) == _contents(whole)


def test_what_is_left_of_the_very_beginning_and_end_does_no_harm(tmp_path: Path) -> None:
    model, whole, cut = _model(), tmp_path / "whole", tmp_path / "cut"
    _record(whole, model)
    cut.mkdir()
    manifest = json.loads((whole / MANIFEST).read_text())
    (cut / MANIFEST).write_text(json.dumps(manifest | {"sha256": None}))
    _record(cut, model)
    (cut / WRITTEN).write_bytes(b"\1" * 10)
    _record(cut, model)
    assert _contents(cut) == _contents(whole)


def test_a_finished_one_is_not_captured_again(tmp_path: Path, forwards: list[int]) -> None:
    model = _model()
    first = _record(tmp_path, model)
    forwards.clear()
    assert _record(tmp_path, model) == first == Store.open(tmp_path)
    assert forwards == []


def _other_tokens(texts: Texts) -> Texts:
    return replace(texts, sequences=((7, *texts.sequences[0][1:]), *texts.sequences[1:]))


def _other_places(texts: Texts) -> Texts:
    return replace(texts, places=((Place(0, 3, "max"), ABSENT), *texts.places[1:]))


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": _model(seed=1)}, "another model"),
        ({"model": _model().to(torch.bfloat16)}, "another model"),
        ({"tokenizer": byte_tokenizer(vocabulary=300)}, "another tokenizer"),
        ({"texts": replace(_texts(), ids=tuple("abcdefghij"))}, "other transcripts"),
        ({"texts": _other_tokens(_texts())}, "other token ids or places"),
        ({"texts": _other_places(_texts())}, "other token ids or places"),
        ({"texts": replace(_texts(), position_names=("max:text", "50%"))}, "other positions"),
        ({"layers": [0]}, "other layers"),
        ({"dtype": "bfloat16"}, "another dtype"),
    ],
)
def test_anything_else_is_refused_by_name(
    change: dict[str, Any], words: str, finished: bool, tmp_path: Path
) -> None:
    given = {"model": _model(), "tokenizer": TOKENIZER, "texts": _texts()}
    record(tmp_path, **given)
    if not finished:
        manifest = json.loads((tmp_path / MANIFEST).read_text())
        (tmp_path / MANIFEST).write_text(json.dumps(manifest | {"sha256": None}))
        (tmp_path / WRITTEN).write_bytes(bytes(10))
    before = _contents(tmp_path)
    with pytest.raises(DataError) as raised:
        record(tmp_path, **(given | change))
    assert str(raised.value) == (
        f"The activations in {tmp_path} are not those asked for: they were read with {words}. "
        "Ask for the same, or choose another folder to capture anew."
    )
    assert _contents(tmp_path) == before


def test_a_model_that_reads_otherwise_with_the_same_parameters_is_another() -> None:
    first, moved, other = _model(), _model(), _model()
    moved.config._name_or_path = "somewhere/else"
    assert model_checksum(moved) == model_checksum(first)
    other.config.rms_norm_eps = 0.1
    assert model_checksum(other) != model_checksum(first)


def test_a_model_changed_in_one_column_is_another(tmp_path: Path) -> None:
    model = _model()
    _record(tmp_path, model)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[:, 3] += 1e-3
    with pytest.raises(DataError, match="another model"):
        _record(tmp_path, model)


def test_a_saved_tokenizer_is_the_same(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    TOKENIZER.save_pretrained(tmp_path / "tokenizer")
    loaded = AutoTokenizer.from_pretrained(tmp_path / "tokenizer")
    loaded(["some", "padded text"], padding=True, truncation=True, max_length=2)
    model = _model()
    first = _record(tmp_path / "store", model)
    assert record(tmp_path / "store", model, loaded, _texts()) == first


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _rename(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"blocks.1", b"blocks.7"))


@pytest.mark.parametrize("spoil", [_cut, _flip, _rename, Path.unlink])
def test_a_spoilt_file_is_refused(spoil: Any, tmp_path: Path) -> None:
    model = _model()
    _record(tmp_path, model)
    spoil(tmp_path / TENSORS)
    for look in (lambda: Store.open(tmp_path), lambda: _record(tmp_path, model)):
        with pytest.raises(DataError) as raised:
            look()
        assert str(raised.value).startswith(f"{tmp_path / TENSORS} was truncated or altered: ")
        assert str(raised.value).endswith("Remove its folder and capture anew.")


def test_an_unreadable_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(DataError, match=rf"Cannot read {tmp_path / MANIFEST}"):
        Store.open(tmp_path)


def test_a_file_of_unknown_origin_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / TENSORS).write_bytes(b"mine")
    with pytest.raises(DataError, match=r"nobody knows what it holds"):
        _record(tmp_path, _model())
    assert _contents(tmp_path) == {TENSORS: b"mine"}


def test_numbers_too_large_for_a_dtype_are_refused(tmp_path: Path) -> None:
    model = _model()
    with torch.no_grad():
        model.get_input_embeddings().weight[_texts().sequences[3][2]] = 1e5
    with pytest.raises(DataError) as raised:
        _record(tmp_path, model, dtype="float16")
    assert str(raised.value).startswith(
        "The activations of transcript t3 at layer -1 do not fit into float16"
    )


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Unknown dtype 'float8'"):
        _record(tmp_path, _model(), dtype="float8")
    with pytest.raises(DataError, match="There is nothing to capture"):
        _record(tmp_path, _model(), Texts((), (), (), ("close",)))
    with pytest.raises(DataError, match=r"Layer 0 is not in .*: it holds 1"):
        _record(tmp_path, _model(), layers=[1]).layer(0)


def test_a_folder_without_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        _record(tmp_path, _model())
    assert not (tmp_path / TENSORS).exists()
