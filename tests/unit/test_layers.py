"""Which part of the package may know which: views lay out, charts and maps know values. Needs only Python."""

import ast
from pathlib import Path

import pytest

import ae_core

CORE = Path(ae_core.__file__).parent
VIEWS = [*sorted((CORE / "ui" / "views").glob("*.py")), CORE / "ui/live_panels.py", CORE / "ui/take_away.py"]
RENDERERS = [CORE / f"{name}.py" for name in ("charts", "unit_charts", "chart_style", "maps", "export")]
COMPUTES = ("ae_core.jacobian", "ae_core.jacobian.probes", "ae_core.penalties")
ENGINE = ("ae_core.model", "ae_core.training.loop", *COMPUTES)
TENSORS = {"numpy", "item", "unflatten", "encode", "decode", "square", "norm", "detach", "inference_mode"}
"""Methods of tensors and models that compute, or turn tensors into values."""


def imported(file):
    """Full names of all that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def known_of(file, packages):
    """Which of some packages a file imports from."""
    return {
        name for name in imported(file) for each in packages if name == each or name.startswith(f"{each}.")
    }


def name_of(file):
    return file.relative_to(CORE).as_posix()


def test_the_files_are_there():
    assert len(VIEWS) > 6
    assert all(file.is_file() for file in (*VIEWS, *RENDERERS))


@pytest.mark.parametrize("file", VIEWS, ids=name_of)
def test_a_view_lays_out_and_computes_nothing(file):
    assert not known_of(file, ("torch", *COMPUTES))
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & TENSORS


@pytest.mark.parametrize("file", RENDERERS, ids=name_of)
def test_a_renderer_knows_values_and_not_what_computes_them(file):
    assert not known_of(file, ("torch", *ENGINE))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import torch", {"torch"}),
        ("import torch.nn.functional as F", {"torch.nn.functional"}),
        ("from torch import Tensor", {"torch", "torch.Tensor"}),
        ("def f():\n    from torch.func import jacrev", {"torch.func", "torch.func.jacrev"}),
        ("import torchvision", set()),
    ],
)
def test_an_import_is_found_wherever_it_stands(tmp_path, line, names):
    file = tmp_path / "view.py"
    file.write_text(line)
    assert known_of(file, ("torch",)) == names
