"""A run with a state, in work. Needs torch."""

import pytest

from ae_core.training.run_folder import RunFolder
from tests.unit.training.helpers import RECIPE, saved_run


@pytest.fixture
def run(tmp_path):
    """Whoever made it still has it."""
    folder = RunFolder.create(RECIPE, tmp_path)
    folder.save(saved_run())
    return folder
