"""Two nodes share a sweep, and one of them is killed. Needs torch, and processes of its own on Unix."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

from ae_core.checkpoints import load_checkpoint
from ae_core.sweep.grid import read_grid
from ae_core.sweep.table import rows_of

NODE = """
    import os, sys
    from pathlib import Path
    import ae_core.analysis.evaluation
    from ae_core.cli import data_options
    from ae_core.cli.commands import main
    from dataclasses import replace
    from ae_core.data import MNIST, Mnist, load_mnist

    few = {"train": 300, "test": 20}
    load = lambda split: Mnist(*(part[: few[split]] for part in load_mnist(split)))
    data_options.MNIST = replace(MNIST, load=load)
    ae_core.analysis.evaluation.JACOBIAN_IMAGES = 2
    ae_core.analysis.evaluation.RECONSTRUCTION_JACOBIAN_IMAGES = 1
    Path(__file__).with_name(f"worker-{os.environ['RANK']}").write_text(str(os.getpid()))
    sys.exit(main(sys.argv[1:]))
"""


def test_of_two_nodes_one_is_killed_and_the_other_finishes_the_sweep(tmp_path, grid):
    (tmp_path / "node.py").write_text(textwrap.dedent(NODE))
    text = """
        [[grid]]
        kind = "sparse"
        recipe = "fast"
        penalty_weight = [0.0, 0.001, 0.005]
        seed = [0, 1]
        epochs = 12
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cells = read_grid(grid(text), tmp_path / "out")
    rendezvous = ("--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{port}", "--rdzv-id", "sweep")
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"),
        *(*rendezvous, "--local-addr", "127.0.0.1", tmp_path / "node.py"),
        *("sweep", tmp_path / "grid.toml", "--out", tmp_path / "out", "--device", "cpu"),
    ]
    nodes, logs = [], []
    try:
        for number in range(2):
            logs.append(tmp_path / f"node-{number}.log")
            with logs[-1].open("w") as log:
                nodes.append(subprocess.Popen(command, stdout=log, stderr=log))
            # The first one holds the rendezvous, without which no torchrun goes on.
            until(lambda: answers(port), lambda: logs[0].read_text())
        said = lambda: "".join(log.read_text() for log in logs)  # noqa: E731
        until(lambda: "[0] " in said() and "[1] " in said(), said)
        # A node dies with its torchrun and its worker.
        rank = 1 if "[1] " in logs[1].read_text() else 0
        nodes[1].kill()
        nodes[1].wait()
        os.kill(int((tmp_path / f"worker-{rank}").read_text()), signal.SIGKILL)
        until(lambda: all(cell.path.exists() for cell in cells), said)
        until((tmp_path / "out" / "summary.csv").exists, said)
    finally:
        # On SIGTERM torchrun ends its workers too.
        for node in nodes:
            node.terminate()
            node.wait()
    for cell in cells:
        assert load_checkpoint(cell.path).train_config == cell.recipe.train
    assert len(rows_of(cells)) == 6
    assert said().count(": begins") == 6
    assert logs[0].read_text().count("tried once more") == 1, "the killed node's cell was taken over"


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(condition, said):
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline, said()
        time.sleep(0.05)
