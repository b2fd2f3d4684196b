"""Figures drawn in a real browser by the command line. Needs Chromium and a shipped model."""

from PIL import Image

from ae_core.checkpoints.library import ladder_paths
from ae_core.cli.commands import main


def run(*options):
    model = ladder_paths("sparse")[5e-3]
    return main(["figure", "units", "--model", str(model), *map(str, options)]) == 0


def test_pictures_have_the_size_that_was_asked_for(browser, tmp_path):
    options = "--width", 300, "--height", 200
    assert run(*options, "--scale", 2, "--out", tmp_path / "figure.png")
    assert Image.open(tmp_path / "figure.png").size == (600, 400)
    assert run(*options, "--out", tmp_path / "figure.SVG")
    assert 'width="300" height="200"' in (tmp_path / "figure.SVG").read_text()
