"""No test reads or writes the states of a user's own runs, and programs that tests start find the package."""

from pathlib import Path

import pytest

from ae_core.training.run_folder import RUNS_VARIABLE


@pytest.fixture(autouse=True)
def package_for_programs(monkeypatch):
    """Python looks for modules beside a script, not where it is started."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


@pytest.fixture(autouse=True)
def own_runs_dir(monkeypatch, tmp_path_factory):
    """A folder for the states of runs, empty at the start of each test."""
    folder = tmp_path_factory.mktemp("runs")
    monkeypatch.setenv(RUNS_VARIABLE, str(folder))
    return folder
