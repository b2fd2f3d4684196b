"""The notebook in docs/ runs from its first cell to its last. Needs nbclient and a Python kernel."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
SMALL = "IMAGES = 300\nEPOCHS = 1"


def test_the_notebook_on_an_encoder_of_one_s_own_runs_on_a_small_case():
    notebook = nbformat.read(ROOT / "docs" / "own-encoder.ipynb", as_version=4)
    settings = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert {line.split(" = ")[0] for line in settings.source.splitlines()} == {"IMAGES", "EPOCHS"}
    settings.source = SMALL
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "".join(output.get("text", "") for output in outputs)
    assert said.count("MSE") == 4
    assert any("image/png" in output.get("data", {}) for output in outputs)


def test_the_notebook_s_training_is_thirty_lines():
    notebook = nbformat.read(ROOT / "docs" / "own-encoder.ipynb", as_version=4)
    (training,) = [cell.source for cell in notebook.cells if "contraction_penalty(" in cell.source]
    assert len([line for line in training.splitlines() if line]) <= 30
