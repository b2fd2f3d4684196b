"""Grids in files, and sweeps over them on a few images. Needs torch and click."""

import textwrap

import pytest

SPARSE = """
    [[grid]]
    kind = "sparse"
    recipe = "fast"
    penalty_weight = [0.0, 0.005]
    sparsity_target = 0.02
    seed = [0, 1]
    epochs = 1
    batch_size = 50
"""
CONTRACTIVE = """
    [[grid]]
    kind = "contractive"
    recipe = "fast"
    penalty_weight = 1e-3
    epochs = 1
    batch_size = 50
"""
GRID = SPARSE + CONTRACTIVE


@pytest.fixture
def grid(tmp_path):
    """Writes a grid's file."""

    def write(text=GRID):
        path = tmp_path / "grid.toml"
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def sweep_out(run, grid, tmp_path):
    """Runs a sweep; returns its exit code, output, and what it said."""

    def call(*arguments, text=GRID):
        return run("sweep", grid(text), "--out", tmp_path / "out", "--device", "cpu", *arguments)

    return call
