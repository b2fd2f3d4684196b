"""The folders of interrupted runs: locks, lists, and crowds that look at them. Needs torch."""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from ae_core.errors import RunGoneError, RunInUseError
from ae_core.training import run_folder as states
from ae_core.training.run_folder import RUNS_VARIABLE, RunFolder, interrupted, runs_dir
from tests.unit.training.helpers import RECIPE, looks_until, saved_run


def test_a_run_in_work_is_not_offered_and_cannot_be_taken(run, tmp_path):
    assert interrupted(tmp_path, 5) == {}
    with pytest.raises(RunInUseError, match=run.name):
        RunFolder(run.path)
    run.close()
    (name,) = interrupted(tmp_path, 5)
    assert name == run.name
    RunFolder(run.path).close()


def test_a_state_is_read_once_until_it_changes(run, tmp_path, monkeypatch):
    reads, load = [], states.load_state
    monkeypatch.setattr(states, "load_state", lambda *asked: reads.append(asked) or load(*asked))
    run.close()
    for _ in range(3):
        assert interrupted(tmp_path, 5)[run.name].state.step == saved_run().state.step
    assert len(reads) == 1
    again = RunFolder(run.path)
    again.save(saved_run(step=4))
    again.close()
    assert interrupted(tmp_path, 5)[run.name].state.step == 4
    assert len(reads) == 2


def test_a_run_that_has_ended_is_gone_and_not_made_anew(run, tmp_path):
    run.remove()
    with pytest.raises(RunGoneError, match="gone"):
        RunFolder(run.path)
    with pytest.raises(RunGoneError, match="gone"):
        RunFolder(tmp_path / "never made")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_ends_while_somebody_takes_it_is_gone_and_not_made_anew(run, monkeypatch, tmp_path):
    acquire = FileLock.acquire

    def acquire_too_late(lock, *arguments, **options):
        run.remove()
        return acquire(lock, *arguments, **options)

    monkeypatch.setattr(FileLock, "acquire", acquire_too_late)
    with pytest.raises(RunGoneError, match="gone"):
        RunFolder(run.path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_removed_while_somebody_makes_it_is_theirs_in_the_end(run, monkeypatch, tmp_path):
    acquire, moments = FileLock.acquire, iter([run.remove])

    def acquire_too_late(lock, *arguments, **options):
        next(moments, lambda: None)()
        return acquire(lock, *arguments, **options)

    monkeypatch.setattr(FileLock, "acquire", acquire_too_late)
    theirs = RunFolder(run.path, make=True)
    theirs.save(saved_run(7))
    with pytest.raises(RunInUseError):
        RunFolder(run.path)
    theirs.close()
    assert interrupted(tmp_path, 5)[run.name].state.step == 7


def everything_in(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_mode) for path in [folder, *folder.rglob("*")]}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes.")
def test_a_look_writes_nothing_and_needs_no_more_than_to_read():
    # Not pytest's own folder: another user, as below, may not even enter that.
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        run = RunFolder.create(RECIPE, directory)
        run.save(saved_run())
        run.close()
        for path in (run.path / "lock", run.path, directory):
            path.chmod(0o555)
        before = everything_in(directory)
        user = os.geteuid()
        if user == 0:
            # To the superuser everything is writable.
            os.seteuid(65534)
        try:
            with pytest.raises(PermissionError):
                (run.path / "new").touch()
            assert list(interrupted(directory, 5)) == [run.name]
        finally:
            os.seteuid(user)
        assert everything_in(directory) == before
        for path in (directory, run.path):
            path.chmod(0o755)


def test_a_look_does_not_make_a_lock_where_there_is_none(run, tmp_path):
    run.close()
    (run.path / "lock").unlink()
    assert list(interrupted(tmp_path, 5)) == [run.name]
    assert [path.name for path in run.path.iterdir()] == ["state.safetensors"]


LOOKER = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    from tests.unit.training.helpers import looks_until

    directory, end, *names = sys.argv[1:]
    with ThreadPoolExecutor(6) as pool:
        looking = [
            pool.submit(looks_until, Path(end).exists, Path(directory), set(names)) for _ in range(6)
        ]
        print("looking", flush=True)
        for one in looking:
            looks, incomplete = one.result()
            assert looks > 0
            assert not incomplete, incomplete
"""


def test_crowds_that_look_miss_no_run_and_keep_nobody_from_going_on_with_one(tmp_path, monkeypatch):
    directory, end = tmp_path / "runs", tmp_path / "end"
    state = saved_run()
    # Reading takes a thousand times as long as asking who has a run: without it they are in the way most.
    monkeypatch.setattr(states, "load_run", lambda _: state)

    def a_run():
        folder = RunFolder.create(RECIPE, directory)
        folder.save(state)
        folder.close()
        return folder.path

    idle = [a_run() for _ in range(3)]
    busy = [a_run() for _ in range(3)]
    command = [sys.executable, "-c", textwrap.dedent(LOOKER), directory, end, *(path.name for path in idle)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "looking\n"
    deadline = time.monotonic() + 2.0
    over = lambda: time.monotonic() > deadline  # noqa: E731

    def go_on(path):
        times = 0
        # On a busy machine one of so many threads may not get its turn before the others' time is over.
        while times == 0 or not over():
            folder = RunFolder(path)
            folder.save(folder.load())
            folder.close()
            times += 1
        return times

    def begin_and_end():
        gone = []
        while not gone or not over():
            path = a_run()
            RunFolder(path).remove()
            with pytest.raises(RunGoneError):
                RunFolder(path)
            gone.append(path)
        return gone

    with ThreadPoolExecutor(20) as pool:
        names = {path.name for path in idle}
        looking = [pool.submit(looks_until, over, directory, names) for _ in range(14)]
        going_on = [pool.submit(go_on, path) for path in busy]
        ending = [pool.submit(begin_and_end) for _ in range(2)]
    end.touch()
    assert process.wait(60) == 0
    assert all(one.result() == (one.result()[0], []) for one in looking)
    assert all(one.result() > 0 for one in going_on)
    assert all(len(one.result()) > 0 for one in ending)
    assert sorted(directory.iterdir()) == sorted(idle + busy)


def test_a_lock_is_gone_with_the_process_that_held_it(tmp_path):
    program = f"""
        import os, signal
        from pathlib import Path
        from ae_core.training.run_folder import RunFolder
        from tests.unit.training.helpers import RECIPE, saved_run

        folder = RunFolder.create(RECIPE, Path({str(tmp_path)!r}))
        folder.save(saved_run())
        os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], timeout=120)
    assert ended.returncode == -9
    (saved,) = interrupted(tmp_path, 5).values()
    assert saved.state.step == 3


def test_a_removed_run_leaves_nothing(run, tmp_path):
    run.remove()
    assert list(tmp_path.iterdir()) == []
    assert interrupted(tmp_path, 5) == {}


def test_the_newest_runs_are_offered_first_and_no_more_than_asked_for(tmp_path):
    names = []
    for step in range(4):
        folder = RunFolder(tmp_path / f"run-{step}", make=True)
        folder.save(saved_run(step))
        folder.close()
        os.utime(folder.path / "state.safetensors", (step, step))
        names.append(folder.name)
    assert list(interrupted(tmp_path, 3)) == names[:0:-1]


def test_what_a_killed_write_left_is_swept_away_by_the_next_owner(run):
    (run.path / ".saving-x").write_bytes(b"half of a state")
    run.close()
    RunFolder(run.path).close()
    assert sorted(path.name for path in run.path.iterdir()) == ["lock", "state.safetensors"]


def test_a_folder_without_runs_offers_none(tmp_path):
    assert interrupted(tmp_path / "never made", 5) == {}


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    assert runs_dir() == tmp_path
    monkeypatch.delenv(RUNS_VARIABLE)
    assert runs_dir().parts[-2:] == ("autoencoder-lab", "runs")
