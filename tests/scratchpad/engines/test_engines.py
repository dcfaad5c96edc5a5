"""Every engine does every piece once, and says what went wrong in the user's words."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import staged
from scratchpad.engines import cluster
from scratchpad.engines.base import HERE, Calling, Engine
from scratchpad.engines.choosing import sharing_engine
from scratchpad.engines.processes import Processes
from scratchpad.engines.ray_engine import RayEngine
from scratchpad.engines.worker import Facts
from scratchpad.errors import ConfigError, DataError, ModelError, ScratchpadError
from scratchpad.runs import RunFolder

NUMBERS = [(number,) for number in range(7)]


def _done(engine: Engine) -> dict[int, tuple[int, int]]:
    return dict(engine.run(staged.Squares(), NUMBERS))


def test_every_engine_does_every_piece_once(ray: Engine) -> None:
    here, processes, cluster = (_done(one) for one in (HERE, Processes(2), ray))
    for found in (here, processes, cluster):
        assert {place: square for place, (square, _) in found.items()} == {
            n: n * n for n in range(7)
        }
    assert {pid for _, pid in here.values()} == {os.getpid()}
    assert os.getpid() not in {pid for _, pid in [*processes.values(), *cluster.values()]}


@pytest.mark.parametrize("engine", [HERE, Processes(1), Processes(2)])
def test_nothing_to_do_prepares_nothing(engine: Engine) -> None:
    assert list(engine.run(Calling(staged.refuse), [])) == []


ORPHANS = """
import sys
from pathlib import Path
import staged
from scratchpad.engines.processes import Processes
if __name__ == "__main__":
    list(Processes(2).run(staged.Slow(Path(sys.argv[1])), [(1,), (2,)]))
"""


def test_workers_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "begun"
    script.write_text(ORPHANS)
    folder.mkdir()
    path = os.pathsep.join([str(Path(staged.__file__).parent), *sys.path])
    parent = subprocess.Popen(
        [sys.executable, str(script), str(folder)], env=os.environ | {"PYTHONPATH": path}
    )
    _wait_until(lambda: len(list(folder.iterdir())) == 2)
    parent.kill()
    parent.wait()
    workers = [int(one.name) for one in folder.iterdir()]
    _wait_until(lambda: not any(map(psutil.pid_exists, workers)))
    assert [pid for pid in workers if psutil.pid_exists(pid)] == []


def _wait_until(met: Callable[[], bool]) -> None:
    limit = time.monotonic() + 100
    while not met():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_a_piece_whose_worker_dies_is_done_by_another(ray: Engine, tmp_path: Path) -> None:
    found = sorted(ray.run(staged.Deadly(tmp_path, 2), NUMBERS))
    assert found == [(n, n) for n in range(7)]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_piece_over_which_workers_keep_dying_ends_the_run(ray: Engine, tmp_path: Path) -> None:
    with pytest.raises(ScratchpadError, match="3 workers were lost over one piece of work"):
        list(ray.run(staged.Deadly(tmp_path, 9), NUMBERS))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_process_that_is_killed_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ScratchpadError) as raised:
        list(Processes(2).run(staged.Deadly(tmp_path, 1), NUMBERS))
    assert str(raised.value) == (
        "A process that shared the work was killed: memory may have run out. Run the same command "
        "again, with fewer --workers: what is finished is kept."
    )


def test_what_a_user_can_mend_arrives_as_it_was_raised(ray: Engine) -> None:
    with pytest.raises(DataError) as raised:
        list(ray.run(staged.Faulty(), [(1,)]))
    assert str(raised.value) == "Row 1 is empty: nothing stands in it. Mend the row."
    with pytest.raises(ZeroDivisionError, match="ours"):
        list(ray.run(staged.Faulty(), [(2,)]))


def test_a_worker_that_cannot_begin_says_on_which_node(ray: Engine) -> None:
    with pytest.raises(ModelError) as raised:
        list(ray.run(staged.Unprepared(), NUMBERS))
    host = Facts.here().host
    assert str(raised.value) == f"On {host}: No checkpoint at '/models/missing'. Give a folder."


def test_the_workers_of_one_stage_do_the_next_one_too(ray: Engine) -> None:
    both = {pid for _ in range(2) for _, pid in _done(ray).values()}
    assert len(both) <= (os.cpu_count() or 1)


def test_a_cluster_of_this_machine_sees_its_folders(ray: Engine, tmp_path: Path) -> None:
    assert isinstance(ray, RayEngine)
    ray.require_shared([tmp_path])
    assert list(tmp_path.iterdir()) == []


def test_on_a_worker_the_engine_is_the_worker_itself() -> None:
    assert pickle.loads(pickle.dumps(RayEngine("cpu"))) is HERE


def test_errors_are_the_same_after_a_journey() -> None:
    error = DataError("It is empty", "nobody wrote it", "Write it.")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.fix, type(again)) == (str(error), "Write it.", DataError)


def test_other_versions_are_refused_with_both_named() -> None:
    here = Facts.here()
    there = Facts("node-7", here.versions | {"transformers": "5.1.0"})
    here.require_same(here)
    with pytest.raises(ConfigError) as raised:
        there.require_same(here)
    assert str(raised.value) == (
        "The worker on node-7 has transformers 5.1.0, and this process has "
        f"{here.versions['transformers']}: their numbers could differ. "
        "Install the same versions on all nodes."
    )


def test_a_worker_that_no_node_can_hold_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [{"Alive": True, "Resources": {"memory": size * 2.0**30}} for size in (4, 6)]
    monkeypatch.setattr(cluster, "library", lambda: type("Library", (), {"nodes": lambda: nodes}))
    cluster.require_room(6 * 2**30)
    with pytest.raises(ConfigError) as raised:
        cluster.require_room(7 * 2**30)
    assert str(raised.value) == (
        "A worker needs 7.0 GiB of memory: the largest node of the cluster gives 6.0 GiB. "
        "Use --dtype bfloat16, a smaller --memory-budget, or nodes with more."
    )


def test_work_that_is_handed_on_in_files_begins_its_folder(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "run", "calibrate", {})
    with sharing_engine("local", None, 3, folder) as engine:
        assert engine == Processes(3)
    assert (tmp_path / "run" / "run.json").exists()
