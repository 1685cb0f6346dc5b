"""A place that cannot be written is told with what stands in the way."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from kg.errors import OutputError
from kg.folder import check_place, held, replace_folder, unwritable


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OutputError) as told:
        check_place(tmp_path / "no" / "deeper" / "x.ttl")
    assert f"there is no folder {tmp_path / 'no' / 'deeper'}" in told.value.message
    assert f"mkdir -p {tmp_path / 'no' / 'deeper'}" in told.value.hint


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "map.tif").write_text("")
    with pytest.raises(OutputError) as told:
        check_place(tmp_path / "map.tif" / "x.ttl")
    assert f"{tmp_path / 'map.tif'} is a file, not a folder" in told.value.message
    assert "folder that you can write to" in told.value.hint


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_a_folder_in_which_nobody_can_write(tmp_path):
    with pytest.raises(OutputError, match="the system lets nobody make files in /proc"):
        check_place(Path("/proc/x.ttl"))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "you have no right to write in"),
        (errno.EROFS, "is on a disk that can only be read"),
        (errno.ENOSPC, "No space left on device"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_rights_disks_and_space(tmp_path, number, said):
    told = unwritable(tmp_path / "x", OSError(number, os.strerror(number)))
    assert f"{tmp_path / 'x'}: cannot be written (" in told.message and said in told.message
    assert "choose" in told.hint and "-o" not in told.hint


@pytest.mark.parametrize(
    "error",
    [
        OSError("IO error: No space left on device: While appending to file: /x/.new/000010.sst"),
        shutil.Error([("/x/a", "/x/b", "[Errno 28] No space left on device: '/x/a' -> '/x/b'")]),
    ],
)
def test_a_full_disk_that_is_told_in_words_alone(tmp_path, error):
    """Of a database, and of a folder that is copied; the place is named, not the room beside it."""

    def build(room):
        if isinstance(error, shutil.Error):
            raise error
        raise unwritable(room, error)

    with pytest.raises(OutputError) as told:
        replace_folder(tmp_path / "graph", build)
    assert told.value.message == f"{tmp_path / 'graph'}: cannot be written (No space left on device)"  # fmt: skip
    assert told.value.hint.startswith("make room there")
    assert not list(tmp_path.iterdir())


def test_what_another_program_made_meanwhile_is_kept(tmp_path):
    def build(room):
        room.mkdir()
        (room / "mine").touch()
        (tmp_path / "graph").mkdir()  # the other one is faster
        (tmp_path / "graph" / "theirs").touch()

    with pytest.raises(OutputError, match="another program has made it meanwhile"):
        replace_folder(tmp_path / "graph", build)
    assert [one.name for one in tmp_path.rglob("*") if one.is_file()] == ["theirs"]
    replace_folder(tmp_path / "graph", lambda room: room.mkdir())  # there before: to be replaced
    assert not list((tmp_path / "graph").iterdir())


def test_what_killed_programs_left_goes_and_nothing_else_does(tmp_path):
    place = tmp_path / "graph"
    for name in (
        ".graph.ab12cd_x/new/data",
        ".graph.settings/mine",
        ".graph.former/data",
        ".other.ab12cd_x/new",
    ):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".graph.abcdefgh").touch()
    with held(place):
        assert (tmp_path / ".graph.lock").exists()
        with pytest.raises(OutputError, match="another program is writing it"), held(place):
            pass
    left = {one.name for one in tmp_path.iterdir()}
    assert left == {".graph.settings", ".graph.former", ".other.ab12cd_x", ".graph.abcdefgh"}
    with held(place):
        pass
