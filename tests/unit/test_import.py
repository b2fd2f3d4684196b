"""What importing the package does to the process. Needs only Python and PyTorch."""

import os
import subprocess
import sys

import pytest

LOOK = "import os, sys, ae_core; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
CPU_SECONDS = """
import sys, time
import torch
{imported}
torch.set_num_threads(2)
values = torch.ones(1_000_000)
def burnt():
    before = time.process_time()
    for _ in range(60):
        values.add_(1)
        time.sleep(0.01)
    return time.process_time() - before
burnt()
print(burnt())
"""
"""How long the processors work for sums between which the threads wait for 10 ms each."""


def said_by(code, **environment):
    clean = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    said = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    return said.stdout.split()


@pytest.mark.parametrize(
    ("own", "used"), [({}, "2000"), ({"GOMP_SPINCOUNT": "7"}, "7")], ids=["none of the user's", "the user's"]
)
def test_waiting_threads_spin_briefly_and_pytorch_has_not_read_another_setting_before(own, used):
    assert said_by(LOOK, **own) == [used, "False"]


@pytest.mark.skipif(sys.platform != "linux", reason="GNU OpenMP is Linux's.")
def test_waiting_threads_sleep_also_where_pytorch_was_imported_first():
    """As every notebook does; the setting comes too late then."""
    (awake,) = said_by(CPU_SECONDS.format(imported=""))
    (asleep,) = said_by(CPU_SECONDS.format(imported="import ae_core"))
    assert float(asleep) < 0.6 * float(awake)


def test_what_probes_need_is_imported_where_it_is_used():
    """Page and commands start as quickly without it."""
    assert said_by("import sys, ae_core.ui.views, ae_core.cli.commands; print('sklearn' in sys.modules)") == [
        "False"
    ]


def test_a_change_of_the_drawing_waits_for_no_import():
    """That of torchvision takes seconds."""
    changed = "corrupt(name, torch.zeros(1, 1, 28, 28), 1.0) for name in CORRUPTIONS"
    assert said_by(
        "import sys, torch; from ae_core.analysis.corruption import CORRUPTIONS, corrupt; "
        f"[{changed}]; print('torchvision' in sys.modules)"
    ) == ["False"]


def test_training_waits_for_no_compiler():
    """PyTorch's optimiser classes import it to tell it not to compile: 4 seconds, and 100 MB."""
    assert said_by(
        "import sys; from ae_core.config import RECIPES; from ae_core.data import load_mnist; "
        "from ae_core.model import initial_model; from ae_core.training.compute import choose_compute; "
        "from ae_core.training.loop import train; recipe = RECIPES['sparse']['fast'].override(epochs=1); "
        "images = load_mnist('train').images[:100]; "
        "list(train(initial_model(recipe), images, recipe.train, choose_compute('cpu'))); "
        "print('torch._dynamo' in sys.modules)"
    ) == ["False"]
