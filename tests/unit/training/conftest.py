"""A run with a state, in work, and trainings that take a moment. Needs torch."""

import pytest

from ae_core.training.run_folder import RunFolder
from tests.unit.training.helpers import RECIPE, saved_run, train_on_few_images


@pytest.fixture
def few_images(monkeypatch):
    """Training on 95 images, measuring on 40."""
    train_on_few_images(monkeypatch)


@pytest.fixture
def run(tmp_path):
    """Whoever made it still has it."""
    folder = RunFolder.create(RECIPE, tmp_path)
    folder.save(saved_run())
    return folder
