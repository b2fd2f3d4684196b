"""Trainings that are interrupted from the keyboard. Needs torch and click."""

import pytest

from ae_core.training import job as jobs
from ae_core.training.loop import train
from tests.unit.cli.resuming import SPARSE


@pytest.fixture
def interrupt(monkeypatch):
    """The next training is interrupted from the keyboard after so many steps."""

    def after(steps):
        def interrupted_train(*arguments, **options):
            for progress in train(*arguments, report_seconds=0.0, **options):
                yield progress
                if progress.step == steps:
                    monkeypatch.setattr(jobs, "train", train)
                    raise KeyboardInterrupt

        monkeypatch.setattr(jobs, "train", interrupted_train)

    return after


@pytest.fixture
def name(run, interrupt, tmp_path):
    """A run for new.safetensors that was interrupted in its third epoch; its name."""
    interrupt(10)
    code, _, err = run(*SPARSE, "--out", tmp_path / "new.safetensors")
    assert code == 1
    last = err.splitlines()[-1]
    assert last.startswith("Error: Stopped before the end; the unfinished model was not written.")
    return last.split()[-1]
