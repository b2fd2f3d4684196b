"""Several processes train one model as one process does. Needs torch with gloo, and its torchrun."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist

import ae_core.analysis.evaluation
import ae_core.training.saved_run
from ae_core.checkpoints import load_checkpoint
from ae_core.cli import data_options
from ae_core.cli.commands import main
from ae_core.data import MNIST, Mnist, load_mnist
from ae_core.training.compute import Compute
from ae_core.training.distributed import store_of_this_start

PROGRAM = """
    import os, signal, sys, time

    import pytest
    import torch

    torch.set_num_threads(1)
    import ae_core.training.loop
    from ae_core.cli.commands import main
    from tests.unit.training.test_distributed import set_up

    set_up(pytest.MonkeyPatch())

    first_start = os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0"
    if "DIES" in os.environ and os.environ["RANK"] == "1" and first_start:
        step, steps = ae_core.training.loop.learning_rate_at, 0
        def dying(*arguments):
            global steps
            steps += 1
            if steps == int(os.environ["DIES"]):
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*arguments)
        ae_core.training.loop.learning_rate_at = dying
    if "DIES" in os.environ and os.environ["RANK"] == "1" and not first_start:
        # The killed process's address is in torchrun's store until the new one has written its own.
        time.sleep(3)
    sys.exit(main(sys.argv[1:]))
"""
# 211 images in batches of 22 are 10 steps an epoch, the last of 13 images: 20 steps in all.
ARGUMENTS = ("--recipe", "reference", "--epochs", "2", "--batch-size", "22", "--device", "cpu")


def set_up(patch):
    """Few images, and double precision."""
    # The batches do not divide by two, and the last of an epoch is a short one.
    few = {"train": 211, "test": 20}
    few_mnist = replace(MNIST, load=lambda split: Mnist(*(part[: few[split]] for part in load_mnist(split))))
    patch.setattr(data_options, "MNIST", few_mnist)
    patch.setattr(ae_core.analysis.evaluation, "JACOBIAN_IMAGES", 2)
    patch.setattr(ae_core.analysis.evaluation, "RECONSTRUCTION_JACOBIAN_IMAGES", 1)
    # In float32 a sum in another order may put a unit on the other side of its ReLU's kink, where the
    # penalty's gradient jumps: after 50 steps single weights were a hundredth apart.
    float64 = Compute(torch.device("cpu"), torch.float64, "exact for tests")
    patch.setattr(ae_core.cli.options, "choose_compute", lambda _: float64)
    patch.setitem(ae_core.training.saved_run._PRECISIONS, "float64", torch.float64)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Trains in this process or in two others; returns the model and what was said."""
    monkeypatch.setenv("AUTOENCODER_LAB_RUNS", str(tmp_path / "runs"))
    set_up(monkeypatch)
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(PROGRAM))

    def run(kind, processes, *arguments, dies=None):
        out = tmp_path / f"{kind}-{processes}-{dies}" / "model.safetensors"
        if dies is not None:
            monkeypatch.setenv("DIES", str(dies))
        command = ["train", "--kind", kind, *ARGUMENTS, *arguments, "--out", str(out)]
        said = ""
        if processes == 1:
            assert main(command) == 0
        else:
            launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts", "2"]
            launcher += ["--nproc-per-node", str(processes), script]
            ended = subprocess.run([*launcher, *command], capture_output=True, text=True, timeout=300)
            said = ended.stderr
            assert ended.returncode == 0, said
        assert [path.name for path in out.parent.iterdir()] == ["model.safetensors"]
        assert list((tmp_path / "runs").iterdir()) == []
        return load_checkpoint(out).model.state_dict(), said

    return run


def furthest(one, other):
    return max((value - other[name]).abs().max().item() for name, value in one.items())


@pytest.mark.parametrize(
    ("kind", "changes"),
    [("sparse", ()), ("contractive", ("--probes", "2", "--max-grad-norm", "0.1"))],
    ids=["sparse", "contractive"],
)
def test_two_processes_end_where_one_does_and_the_first_alone_speaks(train, kind, changes):
    alone, _ = train(kind, 1, *changes)
    together, said = train(kind, 2, *changes)
    assert furthest(alone, together) < 1e-5
    assert said.count("model on cpu, float64 (exact for tests, 2 processes together)") == 1
    assert said.count("test_mse") == 1


def test_a_killed_process_is_started_again_and_goes_on_from_the_last_state(train):
    alone, _ = train("sparse", 1)
    together, said = train("sparse", 2, dies=15)
    assert "model was interrupted and goes on after step 10." in said
    assert furthest(alone, together) < 1e-5


def test_processes_started_again_read_nothing_that_the_killed_ones_wrote():
    store = dist.HashStore()
    for _ in range(3):
        with ThreadPoolExecutor() as pool:
            joined = list(pool.map(lambda rank: store_of_this_start(store, rank, 3), [2, 0, 1]))
        assert not any(one.check(["address"]) for one in joined)
        joined[0].set("address", "here")
        assert [one.get("address") for one in joined] == [b"here"] * 3
