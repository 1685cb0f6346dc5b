"""Steps: computed once, read afterwards, even after a kill; other work in the folder is not taken for one's own."""

import subprocess
import sys
import time

import numpy as np
import pytest

from kg.errors import OutputError
from reasoning.learning.steps import KEY, Steps, saved_steps

SLOW = """
import sys, time
from pathlib import Path
import numpy as np
from reasoning.learning.steps import saved_steps
steps = saved_steps(Path(sys.argv[1]), "work")
def slow(i):
    time.sleep(0.05)
    print("computed", i, flush=True)
    return {"value": np.arange(i)}
for i in range(40):
    steps.do(f"part/{i}", lambda: slow(i))
print("found", steps.found)
"""


def test_a_step_is_computed_once(tmp_path):
    told = []
    steps = saved_steps(tmp_path / "a", "key", lambda *said: told.append(said))
    steps.plan(2)
    first = steps.do("one/Two 2", lambda: {"x": np.arange(3), "y": np.array(0.1)})
    again = saved_steps(tmp_path / "a", "key")
    second = again.do("one/Two 2", lambda: pytest.fail("computed again"))
    assert first["x"].tolist() == second["x"].tolist()
    assert float(second["y"]) == 0.1
    assert told == [("one/Two 2", 1, 2)]
    assert (again.found, again.done) == (1, 1)


def test_parts_are_deleted_once_the_whole_is_saved(tmp_path):
    steps = saved_steps(tmp_path / "a", "key")

    def whole():
        parts = [steps.do(f"whole/part {i}", lambda i=i: {"x": np.array(i)}) for i in range(3)]
        assert len(list((tmp_path / "a" / "whole").iterdir())) == 3
        return {"sum": sum(part["x"] for part in parts)}

    assert steps.do("whole", whole, count=3)["sum"] == 3
    assert steps.done == 3
    assert not (tmp_path / "a" / "whole").exists()
    again = saved_steps(tmp_path / "a", "key")
    assert again.do("whole", lambda: pytest.fail("computed again"), count=3)["sum"] == 3
    assert again.done == 3


def test_steps_without_a_folder_are_computed_each_time():
    steps = Steps()
    assert [steps.do("a", lambda i=i: {"x": np.array(i)})["x"] for i in range(2)] == [0, 1]


def test_other_work_starts_anew_and_foreign_folders_are_left_alone(tmp_path):
    folder = tmp_path / "a"
    saved_steps(folder, "key").do("one", lambda: {"x": np.zeros(1)})
    other = saved_steps(folder, "other key")
    assert other.do("one", lambda: {"x": np.ones(1)})["x"] == 1
    (folder / KEY).unlink()
    with pytest.raises(OutputError, match=r"no folder of an unfinished run\nmove it away"):
        saved_steps(folder, "key")
    assert (folder / "one.npz").exists()


def test_a_damaged_step_is_computed_again(tmp_path):
    steps = saved_steps(tmp_path / "a", "key")
    steps.do("one", lambda: {"x": np.zeros(1)})
    (tmp_path / "a" / "one.npz").write_bytes(b"PK broken")
    assert steps.do("one", lambda: {"x": np.ones(1)})["x"] == 1


def test_a_killed_run_goes_on(tmp_path):
    ask = [sys.executable, "-c", SLOW, str(tmp_path / "a")]
    run = subprocess.Popen(ask, stdout=subprocess.PIPE, text=True)
    told = ""
    while "computed 5" not in told:
        told = run.stdout.readline()
        assert told, "ended before it could be killed"
    time.sleep(0.01)
    run.kill()
    run.communicate()
    before = len(list((tmp_path / "a" / "part").glob("*.npz")))
    assert 5 <= before < 40
    done = subprocess.run(ask, capture_output=True, text=True, check=True)
    assert f"found {before}" in done.stdout
    assert done.stdout.count("computed") == 40 - before
