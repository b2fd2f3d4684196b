"""What `ae_core` offers to notebooks and scripts: each name is there, and each example is right."""

import ast
import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import ae_core

FUNCTIONS = [
    "contraction_penalty",
    "encoder_jacobian",
    "kl_penalty",
    "load_checkpoint",
    "sensitivity_map",
    "spectrum",
    "tangents",
    "train",
]


@pytest.mark.parametrize("name", ae_core.__all__)
def test_each_public_name_is_there_and_the_type_checker_is_told_of_it(name):
    assert getattr(ae_core, name) is not None
    tree = ast.parse(Path(ae_core.__file__).read_text())
    declared = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert declared[name] == ae_core._HOME_OF[name]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_has_types_and_an_example_that_is_right(name, monkeypatch):
    monkeypatch.chdir(Path(ae_core.__file__).parents[1])
    function = getattr(ae_core, name)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(one.annotation is not inspect.Parameter.empty for one in signature.parameters.values())
    (example,) = doctest.DocTestFinder(recurse=False).find(function, name)
    assert example.examples
    said = []
    failed, _ = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not failed, "".join(said)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'contraction'"):
        _ = ae_core.contraction


def test_importing_the_package_loads_nothing_and_a_penalty_no_streamlit():
    look = (
        "import sys, ae_core; print('torch' in sys.modules);"
        "ae_core.contraction_penalty; print('torch' in sys.modules, 'streamlit' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True", "False"]
