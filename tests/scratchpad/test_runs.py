"""Run folders: resume, refuse, and never half-write."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from scratchpad.errors import RunFolderError
from scratchpad.files import atomic_write
from scratchpad.run_manifest import config_hash
from scratchpad.runs import RunFolder, Units

CONFIG = {"model": "m", "seed": 0, "out": Path("somewhere")}


def test_a_run_that_was_begun_with_another_version_does_not_go_on(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "run", "ablate", {})
    here = folder.manifest["versions"]["torch"]
    folder.manifest["versions"]["torch"] = "1.0"
    folder.start()
    with pytest.raises(RunFolderError) as raised:
        RunFolder.open(tmp_path / "run", "ablate", {})
    assert str(raised.value) == (
        f"{tmp_path / 'run'} was begun with torch 1.0, and this process has {here}: what is "
        "finished there and what is missing could differ. Use the same version again, or begin "
        "anew in another --out."
    )
    folder.finish({})
    assert RunFolder.open(tmp_path / "run", "ablate", {}).finished


def test_a_run_from_start_to_end(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "run", "ablate", CONFIG)
    assert not folder.finished
    folder.start()
    for number in (1, 0):
        folder.write_unit(f"{number:05d}", pd.DataFrame({"x": [number]}))
    again = RunFolder.open(tmp_path / "run", "ablate", CONFIG)
    assert again.finished_units() == {"00000", "00001"}
    assert list(again.merged_units()["x"]) == [0, 1]
    again.finish({"verdict": "mediated"}, Units(2, 2))
    done = RunFolder.open(tmp_path / "run", "ablate", CONFIG)
    assert done.finished
    assert done.summary() == {"verdict": "mediated"}
    assert json.loads((tmp_path / "run/run.json").read_text())["units"] == {"total": 2, "reused": 2}
    assert not (tmp_path / "run/units").exists()


def test_another_configuration_is_refused_and_nothing_touched(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path, "ablate", CONFIG)
    folder.start()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for command, config in (("ablate", CONFIG | {"seed": 1}), ("sample", CONFIG)):
        with pytest.raises(RunFolderError, match="a run of another configuration"):
            RunFolder.open(tmp_path, command, config)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(RunFolderError, match="is not empty and holds no run"):
        RunFolder.open(tmp_path, "ablate", CONFIG)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunFolderError, match="Cannot read"):
        RunFolder.open(tmp_path, "ablate", CONFIG)


def test_where_results_go_is_not_what_they_are() -> None:
    assert config_hash("a", CONFIG) == config_hash("a", CONFIG | {"out": Path("elsewhere")})
    assert config_hash("a", CONFIG) != config_hash("a", CONFIG | {"seed": 1})


def test_tables_have_the_same_bytes(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": [1.5, None], "name": ["a", None]})
    for name in ("one", "two"):
        RunFolder.open(tmp_path / name, "c", {}).write_table("t", table)
    assert (tmp_path / "one/t.parquet").read_bytes() == (tmp_path / "two/t.parquet").read_bytes()


def test_an_unwritable_place_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="Cannot write"):
        atomic_write(tmp_path / "file" / "below", b"x")
    assert not list(tmp_path.glob(".*"))


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunFolderError, match="Cannot write"):
        atomic_write(tmp_path / "folder", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_manifest_has_a_schema_and_older_ones_are_read(tmp_path: Path) -> None:
    RunFolder.open(tmp_path, "sample", {"seed": 0}).start()
    manifest = json.loads((tmp_path / "run.json").read_text())
    assert manifest["schema"] == 1
    del manifest["schema"]
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    assert not RunFolder.open(tmp_path, "sample", {"seed": 0}).finished


def test_a_run_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": 2, "config_hash": ""}')
    with pytest.raises(RunFolderError) as error:
        RunFolder.open(tmp_path, "sample", {"seed": 0})
    assert str(error.value) == (
        f"{tmp_path} was written by a newer version of this toolkit: its run.json has schema 2, "
        "and 1 is the newest known here. Upgrade scratchpad-faithfulness."
    )
