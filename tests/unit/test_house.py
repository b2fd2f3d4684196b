"""Which room may know which, and that views compute nothing. Needs import-linter."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ae_core

CORE = Path(ae_core.__file__).parent
ROOT = CORE.parent
VIEWS = [
    *sorted((CORE / "ui" / "views").glob("*.py")),
    CORE / "ui/panels.py",
    CORE / "ui/strip.py",
    CORE / "ui/take_away.py",
]
TENSORS = {"numpy", "item", "unflatten", "encode", "decode", "square", "norm", "detach", "inference_mode"}
"""Methods of tensors and models that compute, or turn tensors into values."""


OUT_OF_LINE = {
    "model/autoencoder.py": "from ae_core.training import loop",
    "analysis/metrics.py": "import ae_core.checkpoints.files",
    "cli/options.py": "from ae_core.ui import keys",
    "ui/style.py": "import ae_core.cli.foreground",
    "render/maps.py": "import torch",
    "render/charts.py": "from ae_core.training import progress",
    "training/job.py": "import streamlit",
    "ui/views/compare.py": "import torch",
}
CIRCLE = ("training/compute.py", "from ae_core.training import job")


@pytest.fixture
def house(tmp_path):
    """A copy of the package, to break the rules in."""
    shutil.copytree(CORE, tmp_path / "ae_core", ignore=shutil.ignore_patterns("*.gz", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path / "ae_core"


def contracts_of(house):
    """What import-linter says of a package's contracts, and whether all hold."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    ended = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=house.parent,
        env={**os.environ, "PYTHONPATH": str(house.parent)},
        capture_output=True,
        text=True,
    )
    return ended.stdout, ended.returncode == 0


def test_the_house_keeps_its_contracts(house):
    said, kept = contracts_of(house)
    assert kept, said


def test_every_step_out_of_line_is_found(house):
    for file, line in OUT_OF_LINE.items():
        target = house / file
        target.write_text(target.read_text() + f"\n\ndef late():\n    {line}\n")
    file, line = CIRCLE
    (house / file).write_text((house / file).read_text() + f"\n\ndef late():\n    {line}\n")
    said, kept = contracts_of(house)
    assert not kept
    assert "No cycles are allowed in ae_core.training" in said
    for file, line in OUT_OF_LINE.items():
        importer = f"ae_core.{file.removesuffix('.py').replace('/', '.')}"
        imported = line.replace("from ", "").replace(" import ", ".").replace("import ", "")
        assert f"{importer} -> {imported} (l." in said, file


def test_a_new_room_has_to_say_where_it_stands(house):
    (house / "attic.py").write_text('"""Nobody knows on which floor."""\n')
    said, kept = contracts_of(house)
    assert not kept
    assert "attic" in said


def test_there_are_views():
    assert len(VIEWS) > 6


@pytest.mark.parametrize("file", VIEWS, ids=lambda file: file.relative_to(CORE).as_posix())
def test_a_view_calls_no_method_that_computes(file):
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & TENSORS


def test_no_part_of_the_page_is_made_without_a_look_at_what_it_lies_in():
    """See `ui/parts.py`."""
    users = [path.name for path in (CORE / "ui").rglob("*.py") if "st.fragment" in path.read_text()]
    assert users == ["parts.py"]


def test_parts_of_the_page_that_repeat_do_so_by_its_own_clock():
    """Streamlit's timer sends a click that it meets a second time: see `ui/clock.py`."""
    users = [path for path in (CORE / "ui").rglob("*.py") if "run_every=" in path.read_text()]
    assert users == []


HARMLESS = {
    ("ui/clock.py", "on_tick_change"),
    ("ui/pen.py", "on_look_change"),
    ("ui/whole_page.py", "on_ask_change"),
    ("ui/state.py", "on_release"),
}
"""The first three touch no file and no model; the last is no widget's."""


def test_whatever_fails_in_a_callback_is_told_on_the_page():
    bare = []
    for path in sorted((CORE / "ui").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            for keyword in call.keywords if isinstance(call, ast.Call) else ():
                value, place = keyword.value, path.relative_to(CORE).as_posix()
                guarded = isinstance(value, ast.Call) and getattr(value.func, "id", "") == "guard"
                named = isinstance(value, ast.Constant)
                if (keyword.arg or "").startswith("on_") and not (guarded or named):
                    bare.append((place, keyword.arg))
    assert [one for one in bare if one not in HARMLESS] == []
