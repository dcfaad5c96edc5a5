"""A disk that is full or closed is one clear line, and what was there stays."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import brief
from scratchpad.disk import disk_error
from scratchpad.errors import RunFolderError
from scratchpad.files import written_whole

FULL = (
    "Make room, or give an --out with more, and run the same command again: what is finished is "
    "kept."
)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond some bytes: a full disk, for whoever writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(bytes(100_000)),
        lambda path: save_file({"a": torch.zeros(30_000)}, path),
        lambda path: torch.save(torch.zeros(30_000), path),
        lambda path: pd.DataFrame({"x": range(50_000)}).to_parquet(path),
    ],
    ids=["python", "safetensors", "torch", "pyarrow"],
)
def test_whoever_writes_to_a_full_disk_is_understood(write: Any, tmp_path: Path) -> None:
    with pytest.raises(Exception) as error, files_of_at_most(10_000):  # noqa: PT011 - of any kind
        write(tmp_path / "file")
    found = disk_error(error.value)
    assert isinstance(found, RunFolderError)
    assert str(found) == f"The disk takes no more: {str(error.value).rstrip('.')}. {FULL}"


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), OSError("?"), FileNotFoundError(2, "no file", "a")]
)
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    assert disk_error(error) is None


def test_who_may_not_write_is_told_where() -> None:
    assert str(disk_error(PermissionError(13, "Permission denied", "runs/x"))) == (
        "Cannot use runs/x: Permission denied. Give files and folders that you may read and write."
    )


def test_a_command_on_a_full_disk_is_one_line_and_goes_on_later(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"prompt": f"{number} ?" * 99, "scratchpad": f"{number}" * 99, "answer": "x", "bad": False}
        for number in range(400)
    ]
    data, out = tmp_path / "data.jsonl", tmp_path / "out"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ["columns", data, "--prompt", "prompt", "--scratchpad", "scratchpad", "--answer",
             "answer", "--triggered", "bad", "--out", out]  # fmt: skip
    with files_of_at_most(3_000):
        done = brief.scratchpad(capfd, "import", *flags)
    assert done.code == 2
    (line,) = [line for line in done.error.splitlines() if "Error" in line]
    assert line.startswith(f"Error: Cannot write {out}/transcripts.parquet: [Errno 27] ")
    assert line.endswith(" Give a folder with room that you may write to.")
    assert [path.name for path in out.iterdir()] == ["run.json"]
    assert brief.scratchpad(capfd, "import", *flags).code == 0
    assert len(pd.read_parquet(out / "transcripts.parquet")) == 400


def test_a_folder_is_replaced_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "model"

    def write(text: str) -> None:
        with written_whole(target) as folder:
            folder.mkdir()
            (folder / "a").write_text(text)
            if text == "half":
                raise KeyboardInterrupt
            (folder / "b").write_text(text)

    with pytest.raises(KeyboardInterrupt):
        write("half")
    assert not list(tmp_path.iterdir())
    # As a killed process leaves it.
    (tmp_path / ".part.model").mkdir()
    (tmp_path / ".part.model" / "old").write_text("old")
    write("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert sorted(path.name for path in target.iterdir()) == ["a", "b"]
    with pytest.raises(RunFolderError, match="Cannot write"):
        write("again")
    assert (target / "a").read_text() == "whole"
