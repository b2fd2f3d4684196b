"""How checkpoints are saved, named and listed. Needs torch and safetensors; writes to tmp_path."""

import errno
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.checkpoints.library import ladder_paths, path_for_name, saved_paths
from ae_core.config import KINDS, LADDERS
from ae_core.errors import CheckpointError


def out_of_space(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def no_permission(*_, **__):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.mark.parametrize(
    ("function", "failure"),
    [("fsync", out_of_space), ("replace", out_of_space), ("replace", no_permission)],
)
def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(
    saved_checkpoint, make_checkpoint, monkeypatch, function, failure
):
    _, path = saved_checkpoint("sparse")
    old = path.read_bytes()
    monkeypatch.setattr(os, function, failure)
    with pytest.raises(CheckpointError) as caught:
        save_checkpoint(make_checkpoint("contractive"), path)
    monkeypatch.undo()
    assert str(path) in str(caught.value)
    assert "could not be written" in str(caught.value)
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


def test_metrics_that_json_cannot_hold_are_not_saved_and_leave_nothing_behind(make_checkpoint, tmp_path):
    checkpoint = make_checkpoint("sparse")
    nan = replace(checkpoint.metrics, test_mse=float("nan"))
    with pytest.raises((CheckpointError, ValueError)):
        save_checkpoint(replace(checkpoint, metrics=nan), tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_save_leaves_nothing_behind(make_checkpoint, tmp_path, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(make_checkpoint("sparse"), tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_the_whole_content_is_on_disk_before_the_file_takes_its_name(make_checkpoint, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    fsync, replace = os.fsync, os.replace
    events = []

    def watched_fsync(descriptor):
        events.append(("flushed", os.fstat(descriptor).st_size))
        fsync(descriptor)

    def watched_replace(source, target):
        # Only a rename within a folder is atomic.
        events.append(("renamed", Path(source).parent == Path(target).parent == tmp_path))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    save_checkpoint(make_checkpoint("sparse"), path)
    assert events[:2] == [("flushed", path.stat().st_size), ("renamed", True)]
    assert list(tmp_path.iterdir()) == [path]


def test_saving_replaces_a_file_and_makes_missing_folders(make_checkpoint, tmp_path):
    path = tmp_path / "a" / "b" / "model.safetensors"
    for kind in KINDS:
        save_checkpoint(make_checkpoint(kind), path)
        assert load_checkpoint(path).model_config.kind == kind
    assert list(path.parent.iterdir()) == [path]


@pytest.fixture
def umask():
    """Sets the process's umask until the test ends."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask.")
@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077, 0o027, 0o000], ids=oct)
def test_a_saved_file_has_the_mode_of_any_new_file(make_checkpoint, tmp_path, umask, mask):
    # As touch and a shell's > make it: a server often runs as another user, and some users want privacy.
    umask(mask)
    path = tmp_path / "model.safetensors"
    for _ in range(2):
        save_checkpoint(make_checkpoint("sparse"), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_a_disk_on_which_no_mode_can_be_set_is_written_like_any_other(make_checkpoint, tmp_path, monkeypatch):
    # As FAT, exFAT and many network disks mounted by another user are.
    for name in ("chmod", "fchmod", "lchmod"):
        monkeypatch.setattr(os, name, no_permission, raising=False)
    path = tmp_path / "model.safetensors"
    save_checkpoint(make_checkpoint("sparse"), path)
    assert load_checkpoint(path).model_config.kind == "sparse"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_a_checkpoint_error(make_checkpoint, tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    for path in (occupied / "model.safetensors", occupied / "deeper" / "model.safetensors"):
        with pytest.raises(CheckpointError, match="could not be written"):
            save_checkpoint(make_checkpoint("sparse"), path)
    assert list(tmp_path.iterdir()) == [occupied]
    assert occupied.read_text() == "not a folder"


def test_a_folder_in_the_file_s_place_is_a_checkpoint_error(make_checkpoint, tmp_path):
    path = tmp_path / "model.safetensors"
    path.mkdir()
    with pytest.raises(CheckpointError, match="could not be written"):
        save_checkpoint(make_checkpoint("sparse"), path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "name", ["mine", "a", "0", "My_model-2.1", "x" * 64, "contractive-0.5", "  mine ", "mine.safetensors"]
)
def test_a_safe_name_is_a_file_in_the_folder(tmp_path, name):
    path = path_for_name(name, tmp_path)
    assert path.parent == tmp_path
    assert path.name == name.strip().removesuffix(".safetensors") + ".safetensors"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "../x",
        "a/b",
        "/etc/passwd",
        "a\\b",
        ".hidden",
        ".safetensors",
        "-rf",
        "_x",
        "ü",
        "mühle",
        "a b",
        "a\nb",
        "a\0b",
        "a:b",
        "a\u0661",
        "x" * 65,
    ],
)
def test_an_unsafe_name_is_a_checkpoint_error(tmp_path, name):
    with pytest.raises(CheckpointError, match="name"):
        path_for_name(name, tmp_path)


def test_a_name_in_use_is_a_checkpoint_error(tmp_path):
    (tmp_path / "mine.safetensors").touch()
    for name in ("mine", "mine.safetensors", " mine"):
        with pytest.raises(CheckpointError, match="another name"):
            path_for_name(name, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_each_rung_has_a_file_of_its_own(tmp_path, kind):
    paths = ladder_paths(kind, tmp_path)
    assert tuple(paths) == LADDERS[kind]
    assert {path.parent for path in paths.values()} == {tmp_path}
    names = [path.name for other in KINDS for path in ladder_paths(other, tmp_path).values()]
    assert len(set(names)) == len(names) == 13
    for weight, path in paths.items():
        # The name can be read back: 1e-06 is no other weight's rounding.
        assert path.name.startswith(f"{kind}-")
        assert float(path.name.removeprefix(f"{kind}-").removesuffix(".safetensors")) == weight


def test_saved_models_are_the_visible_checkpoints_that_are_no_rungs(tmp_path):
    assert saved_paths(tmp_path) == []
    assert saved_paths(tmp_path / "missing") == []
    mine = [tmp_path / name for name in ("a.safetensors", "b.safetensors", "sparse-0.5.safetensors")]
    others = [tmp_path / name for name in (".saving-x.safetensors", "notes.txt", "c.pt")]
    for path in (*reversed(mine), *others):
        path.touch()
    for kind in KINDS:
        for path in ladder_paths(kind, tmp_path).values():
            path.touch()
    assert saved_paths(tmp_path) == mine


def test_a_name_that_a_user_may_choose_is_listed_once_saved(make_checkpoint, tmp_path):
    path = path_for_name("mine", tmp_path)
    save_checkpoint(make_checkpoint("sparse"), path)
    assert saved_paths(tmp_path) == [path]
