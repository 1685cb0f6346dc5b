"""Work by several processes: the same as by one, with what they say, and no process that outlives the work."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from kg.errors import AxiomError, GridError, InputError, LandloreWarning
from landlore.jobs import each

PIECES = [3, 1, 2]
SCRIPT = """
import sys
from test_jobs import asleep
from landlore.jobs import each
if __name__ == "__main__":
    each(asleep, [sys.argv[1]] * 2, 2, tell=print, ended=print)
"""


def squared(piece, tell):
    tell(f"at {piece}")
    if piece == 2:
        warnings.warn("two is odd", LandloreWarning, stacklevel=1)
    return piece * piece, os.getpid()


def at_fault(piece, tell):
    if piece == 1:
        raise GridError("one is on another grid", "warp it")
    if piece == 2:
        raise AxiomError("a.ttl", "A SubClassOf B", "no B there", "add B")
    time.sleep(60)


def killed(piece, tell):
    os.kill(os.getpid(), signal.SIGKILL)


def asleep(folder, tell):
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)


def by(work, jobs, pieces=PIECES):
    lines, found = [], {}

    def ended(piece, result, done):
        found[piece] = result
        assert done == len(found)

    each(work, pieces, jobs, tell=lines.append, ended=ended)
    return lines, found


def test_several_processes_do_what_one_does():
    with pytest.warns(LandloreWarning, match="two is odd") as alone:
        lines, found = by(squared, 1)
    assert lines == ["at 3", "at 1", "at 2"] and list(found) == PIECES
    assert {pid for _, pid in found.values()} == {os.getpid()}
    with pytest.warns(LandloreWarning, match="two is odd") as together:
        told, others = by(squared, 2)
    assert sorted(told) == sorted(lines) and len(alone) == len(together) == 1
    assert {piece: one for piece, (one, _) in others.items()} == {1: 1, 2: 4, 3: 9}
    assert os.getpid() not in {pid for _, pid in others.values()}


@pytest.mark.parametrize(
    ("piece", "kind", "said"),
    [
        (1, GridError, "one is on another grid\nwarp it"),
        (2, AxiomError, "a.ttl: no B there\nadd B"),
    ],
)
def test_a_fault_comes_over_whole_and_ends_the_others(piece, kind, said):
    since = time.monotonic()
    with pytest.raises(kind) as caught:
        by(at_fault, 2, [9, piece])
    assert str(caught.value) == said and time.monotonic() - since < 30
    assert getattr(caught.value, "axiom", "A SubClassOf B") == "A SubClassOf B"


def test_a_process_that_is_killed_is_told():
    with pytest.raises(InputError, match=r"one of 2 processes ended.*\nfewer --jobs"):
        by(killed, 2)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_one_that_asked(how, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    seen = tmp_path / "seen"
    seen.mkdir()
    where = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    asking = subprocess.Popen(
        [sys.executable, str(script), str(seen)],
        env={**os.environ, "PYTHONPATH": where},
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while len(list(seen.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    working = [int(one.name) for one in seen.iterdir()]
    assert len(working) == 2
    asking.send_signal(how)
    assert asking.wait(30) != 0
    until = time.monotonic() + 30
    while any(map(alive, working)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(alive, working))


def alive(pid):
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
