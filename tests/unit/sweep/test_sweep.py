"""Sweeps over a grid: what is trained, what is skipped, what is tried again, and the table. Needs torch."""

import csv
import io
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import torch

from ae_core.analysis.glossary import COSTS
from ae_core.analysis.metrics import NAMES, PartialMetrics
from ae_core.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from ae_core.config import RECIPES
from ae_core.errors import TableError
from ae_core.model import seeded_autoencoder
from ae_core.sweep import worker as sweep
from ae_core.sweep.grid import read_grid
from ae_core.sweep.table import Span, as_text, read_table, rows_of, write_table
from ae_core.training.run_folder import RunFolder
from tests.unit.conftest import assert_one_error_line
from tests.unit.training.helpers import left_by_cuda

pytestmark = pytest.mark.usefixtures("few_images")

GRID = """
    [[grid]]
    kind = "sparse"
    recipe = "fast"
    penalty_weight = [0.0, 0.005]
    sparsity_target = 0.02
    seed = [0, 1]
    epochs = 1
    batch_size = 50

    [[grid]]
    kind = "contractive"
    recipe = "fast"
    penalty_weight = 1e-3
    epochs = 1
    batch_size = 50
"""


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


def test_a_grid_is_every_combination_of_its_lists(grid, tmp_path):
    cells = read_grid(grid(), tmp_path)
    found = [(c.recipe.model.kind, c.recipe.train.penalty_weight, c.recipe.train.seed) for c in cells]
    sparse = [("sparse", weight, seed) for weight in (0.0, 0.005) for seed in (0, 1)]
    assert found == [*sparse, ("contractive", 1e-3, 0)]
    fast = RECIPES["sparse"]["fast"]
    expected = fast.override(penalty_weight=0.005, sparsity_target=0.02, seed=1, epochs=1, batch_size=50)
    assert cells[3].recipe == expected
    assert len({cell.name for cell in cells}) == 5


def test_a_combination_that_two_tables_share_is_one_cell(grid, tmp_path):
    table = "[[grid]]\nkind = ['sparse']\nseed = [1, 2]\n"
    assert len(read_grid(grid(table + table), tmp_path)) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "[[grid]]"),
        ("grid = 3", "[[grid]]"),
        ("x = 1\n[[grid]]\nkind = 'sparse'", "[[grid]]"),
        ("[[grid", "not valid TOML"),
        ("[[grid]]\nseed = 1", "kind must be"),
        ("[[grid]]\nkind = 'denoising'", "kind must be"),
        ("[[grid]]\nkind = 'sparse'\nrecipe = 'slow'", "recipe must be"),
        ("[[grid]]\nkind = 'sparse'\nwidth = 3", "no field width"),
        ("[[grid]]\nkind = 'sparse'\nseed = []", "not 0"),
        ("[[grid]]\nkind = 'sparse'\npenalty_weight = [0.1, -1]", "penalty_weight must be"),
        ("[[grid]]\nkind = ['sparse', 'contractive']\nsparsity_target = 0.1", "leave it out"),
        ("[[grid]]\nkind = 'sparse'\nepochs = 'many'", "epochs must be"),
        (f"[[grid]]\nkind = 'sparse'\nseed = {list(range(10_001))}", "10,001"),
    ],
)
def test_a_grid_that_cannot_be_trained_is_one_line_and_exit_code_2(sweep_out, text, says):
    code, _, err = sweep_out(text=text)
    assert code == 2
    assert_one_error_line(err)
    assert says in err


def test_the_readme_s_grid_can_be_trained(grid, tmp_path):
    (text,) = re.findall(
        r"```toml\n(.*?)```", Path(__file__).parents[3].joinpath("README.md").read_text(), re.DOTALL
    )
    assert len(read_grid(grid(text), tmp_path)) == 9 + 12


def test_a_grid_that_is_not_there_is_one_line_and_exit_code_2(run, tmp_path):
    code, _, err = run("sweep", tmp_path / "none.toml")
    assert code == 2
    assert_one_error_line(err)


def test_a_sweep_trains_every_cell_once_and_a_second_time_none(sweep_out, tmp_path):
    code, out, err = sweep_out()
    assert code == 0
    assert "5 of 5 cells finished, 0 given up" in err
    assert len(out.splitlines()) == 6
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.safetensors")}
    assert len(files) == 5
    assert list((tmp_path / "out" / "unfinished").iterdir()) == []
    code, again, err = sweep_out()
    assert (code, again) == (0, out)
    assert "begins" not in err
    assert files == {path: path.stat().st_mtime_ns for path in files}


def test_the_summary_alone_trains_nothing(sweep_out, tmp_path):
    code, _, err = sweep_out("--summary")
    assert code == 0
    assert "0 of 5 cells finished" in err
    assert not list((tmp_path / "out").glob("*.safetensors"))


def crash(monkeypatch, weight, times):
    """The cells of a weight crash so many times; returns how often they were tried."""
    tried = []
    real = sweep.Job.resume_or_start

    def resume(recipe, *arguments):
        if recipe.train.penalty_weight == weight:
            tried.append(recipe.train.seed)
            if tried.count(recipe.train.seed) <= times:
                raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(recipe, *arguments)

    monkeypatch.setattr(sweep.Job, "resume_or_start", resume)
    return tried


def test_a_cell_that_crashes_once_is_tried_again_and_finishes(sweep_out, monkeypatch):
    tried = crash(monkeypatch, 1e-3, 1)
    code, _, err = sweep_out()
    assert code == 0
    assert tried == [0, 0]
    assert "crashed. There is not enough memory" in err
    assert "tried once more" in err


def test_a_cell_that_crashes_twice_is_reported_and_the_others_finish(sweep_out, monkeypatch, tmp_path):
    tried = crash(monkeypatch, 0.005, 9)
    code, out, err = sweep_out()
    assert code == 1
    assert sorted(tried) == [0, 0, 1, 1]
    assert err.splitlines()[-1].startswith("Error: 2 of 5 cells were given up")
    assert out.count("There is not enough memory") == 2
    code, again, _ = sweep_out()
    assert (code, again) == (1, out), "a restart reports it again, and does not try again"
    assert len(tried) == 4
    content = (tmp_path / "out" / "summary.csv").read_bytes()
    assert [point.seeds for point in read_table("summary.csv", content)] == [2, 1]


def test_a_model_that_could_not_be_written_is_saved_from_its_state_when_it_is_tried_again(
    sweep_out, grid, tmp_path, monkeypatch
):
    cell = read_grid(grid(), tmp_path / "out")[1]
    cell.path.mkdir(parents=True)
    code, _, err = sweep_out()
    assert code == 1
    assert f"{cell.path} could not be written" in err
    (said,) = (line for line in err.splitlines() if "given up. " in line)
    # What it says is done to the letter.
    remove = Path(re.search("Remove (.*) to have it tried again.", said).group(1))
    remove.unlink()
    cell.path.rmdir()
    steps = []
    real = sweep.Job.train

    def reports(job):
        steps.append(job.steps_done)
        return real(job)

    monkeypatch.setattr(sweep.Job, "train", reports)
    code, _, err = sweep_out()
    assert code == 0
    assert steps == [2], "the training had ended: only the file was missing"
    assert load_checkpoint(cell.path).train_config == cell.recipe.train


def test_a_cell_that_diverges_is_reported(sweep_out):
    text = """
        [[grid]]
        kind = "contractive"
        recipe = "reference"
        learning_rate = 1e30
        epochs = 1
        batch_size = 50
    """
    code, out, _ = sweep_out(text=text)
    assert code == 1
    assert "diverged" in out or "not finite" in out or "not a finite" in out


def test_a_cell_whose_process_was_killed_twice_is_given_up(grid, sweep_out, tmp_path):
    cell = read_grid(grid(), tmp_path / "out")[0]
    folder = RunFolder(cell.state_folder, make=True)
    (folder.path / "attempts.txt").write_text("2")
    folder.close()
    code, out, _ = sweep_out()
    assert code == 1
    assert "killed 2 times" in out


@pytest.mark.parametrize("step", [1, 2])
def test_a_cell_that_a_cuda_process_left_is_taken_over_on_a_cpu(grid, sweep_out, tmp_path, step):
    cell = read_grid(grid(), tmp_path / "out")[4]
    folder = RunFolder(cell.state_folder, make=True)
    folder.save(left_by_cuda(cell.recipe, step))
    folder.close()
    code, _, err = sweep_out()
    assert code == 0
    assert "crashed" not in err
    assert "over" not in err
    assert load_checkpoint(cell.path).train_config == cell.recipe.train


def test_a_damaged_state_of_a_cell_is_said_and_the_cell_starts_over(grid, sweep_out, tmp_path):
    cell = read_grid(grid(), tmp_path / "out")[0]
    folder = RunFolder(cell.state_folder, make=True)
    (folder.path / "state.safetensors").write_bytes(b"nothing that can be read")
    folder.close()
    code, _, err = sweep_out()
    assert code == 0
    (said,) = (line for line in err.splitlines() if "starts over" in line)
    assert cell.name in said


def test_a_shared_folder_that_cannot_be_written_is_one_line(run, grid, tmp_path):
    occupied = tmp_path / "occupied"
    occupied.write_text("not a folder")
    code, _, err = run("sweep", grid(), "--out", occupied / "out", "--device", "cpu")
    assert code == 1
    assert_one_error_line(err)
    assert "occupied" in err


def test_csv_and_parquet_hold_the_same_points_with_means_over_seeds(sweep_out, tmp_path, grid):
    sweep_out()
    out = tmp_path / "out"
    points = read_table("summary.csv", (out / "summary.csv").read_bytes())
    assert points == read_table("summary.parquet", (out / "summary.parquet").read_bytes())
    assert [(point.kind, point.penalty_weight, point.seeds) for point in points] == [
        ("sparse", 0.0, 2),
        ("sparse", 0.005, 2),
        ("contractive", 1e-3, 1),
    ]
    cells = read_grid(grid(), out)
    metrics = [load_checkpoint(cell.path).metrics for cell in cells[:2]]
    spans = {"test_mse": points[0].test_mse, **points[0].costs}
    assert set(spans) == {"test_mse", *COSTS["sparse"]}
    for name, span in spans.items():
        values = [one.value_of(name) for one in metrics]
        assert span.mean == pytest.approx(sum(values) / 2)
        assert (span.lowest, span.highest) == (min(values), max(values))
    contractive = load_checkpoint(cells[4].path).metrics
    assert {name: span.mean for name, span in points[2].costs.items()} == pytest.approx(
        {name: contractive.value_of(name) for name in COSTS["contractive"]}
    )


def test_the_l0_of_a_table_from_before_is_its_active_units():
    rows = ("kind,penalty_weight,seed,test_mse,l0", "sparse,0.1,0,0.2,30", "sparse,0.1,1,0.2,34")
    (point,) = read_table("summary.csv", "\n".join(rows).encode())
    assert point.costs == {"active_units": Span(32.0, 30.0, 34.0)}


def test_a_cost_that_one_seed_lacks_is_no_mean():
    text = "kind,penalty_weight,seed,test_mse,active_units,l0\nsparse,0.1,0,0.2,30,40\nsparse,0.1,1,0.2,34,\n"
    (point,) = read_table("summary.csv", text.encode())
    assert set(point.costs) == {"active_units"}


def test_combinations_that_differ_in_more_than_the_seed_are_not_averaged(grid, tmp_path):
    text = "[[grid]]\nkind = 'sparse'\nlearning_rate = [0.001, 0.002]\nseed = [0, 1]\n"
    cells = read_grid(grid(text), tmp_path)
    rows = [
        {"cell": cell.name, **cell.recipe.as_dict(), "test_mse": 0.1, "l0": 3.0, "problem": None}
        for cell in cells
    ]
    write_table(rows, tmp_path)
    points = read_table("summary.csv", (tmp_path / "summary.csv").read_bytes())
    assert [point.seeds for point in points] == [2, 2]
    assert points[0].test_mse == Span(0.1, 0.1, 0.1)


@pytest.mark.parametrize(
    "figures",
    [
        {},
        {"test_mse": None, "mean_activation": None, "l0": 3},
        {"test_mse": 10**300, "dead_units": -(10**30), "l0": 2.5},
        {"cell": 1, "kind": 2, "seed": 3, "problem": 4, "penalty_weight": 5},
        {"another": 1, "": 2},
    ],
    ids=str,
)
def test_a_cell_whose_file_says_little_or_nonsense_of_it_keeps_its_row(grid, tmp_path, figures):
    cells = read_grid(grid(), tmp_path / "out")[:2]
    for cell, metrics in zip(cells, (figures, {"test_mse": 0.25, "l0": 4.0, "dead_units": 7}), strict=True):
        recipe = cell.recipe
        model = seeded_autoencoder(recipe.model, seed=1)
        save_checkpoint(Checkpoint(model, recipe.model, recipe.train, PartialMetrics(metrics)), cell.path)
    rows = rows_of(cells)
    for row, cell in zip(rows, cells, strict=True):
        assert row["problem"] is None
        assert {**row, "cell": cell.name, **cell.recipe.as_dict()} == row
        assert row.keys() <= {"cell", *cell.recipe.as_dict(), *NAMES, "problem"}
    assert {"test_mse": 0.25, "active_units": 4.0}.items() <= rows[1].items()
    assert len(as_text(rows).splitlines()) == 3
    written = write_table(rows, tmp_path / "out")
    assert [path.suffix for path in written] == [".csv", ".parquet"]
    table = pyarrow.parquet.read_table(written[1]).to_pylist()
    assert [row["seed"] for row in table] == [0, 1]
    assert table[1]["test_mse"] == 0.25


def parquet(columns):
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("summary.csv", b"", "no finished cell"),
        ("summary.csv", b"\xff\xfe\x00", "UTF-8"),
        ("summary.csv", b"a,b\n1,2\n", "kind is neither"),
        ("summary.csv", b"kind,penalty_weight,test_mse,l0\nsparse,0.1,,3\n", "test_mse is missing"),
        ("summary.csv", b"kind,penalty_weight,test_mse,l0\nsparse,0.1,nan,3\n", "test_mse is missing"),
        ("summary.csv", b"kind,penalty_weight,test_mse,l0\nsparse,0.1,1,-3\n", "l0 is missing"),
        ("summary.csv", b"kind,test_mse\n" + b"sparse,1\n" * 10_001, "more than 10,000 rows"),
        ("summary.csv", b"kind\n" + b"x" * 200_000, "kind is neither"),
        ("summary.csv", b'kind,l0\nsparse,"1', "CSV"),
        ("summary.csv", b"kind,l0\nsparse,1\nsparse,1,2\n", "CSV"),
        ("summary.csv", b"kind,l0\nsparse,\x81\n", "CSV"),
        ("summary.csv", b'kind,problem\nsparse,"given up"\n', "no finished cell"),
        ("summary.parquet", b"PAR1 nothing PAR1", "not a Parquet file"),
        ("summary.parquet", parquet({"a": [1]}), "kind is neither"),
        ("summary.parquet", parquet({"kind": [None], "l0": [[1]]}), "kind is neither"),
        ("summary.parquet", parquet({"kind": ["sparse"] * 10_001}), "more than 10,000 rows"),
    ],
)
def test_a_table_that_is_none_is_a_sentence(name, content, says):
    with pytest.raises(TableError, match=says):
        read_table(name, content)


WRITTEN = (
    "cell,kind,penalty_weight,adam_beta2,seed,test_mse,jacobian_sq_norm,l0,problem\n"
    "sparse-0.001-é,sparse,0.001,0.999,0,0.11714,1e-05,3.39,\n"
    "sparse-0.001-b,sparse,0.001,0.999,1,0.06691,8.23,32.93,\n"
    "sparse-0.005-a,sparse,0.005,0.999,0,0.14139,0.47,0.55,\n"
    'sparse-0.005-b,sparse,0.005,0.999,1,,,,"diverged, at step 3.5; given up"\n'
)


def resaved(separator=",", decimal=".", line_end="\r\n"):
    """The table as a spreadsheet writes it."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=line_end)
    for row in csv.reader(WRITTEN.splitlines()):
        # The last two columns but the text are never anything else than numbers.
        writer.writerow([*row[:2], *(value.replace(".", decimal) for value in row[2:8]), *row[8:]])
    return text.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_a_table_that_a_spreadsheet_saved_again_has_the_same_points(encoding, separator, decimal, line_end):
    expected = read_table("summary.csv", WRITTEN.encode())
    assert [point.seeds for point in expected] == [2, 1]
    assert expected[0].test_mse == Span.of([0.11714, 0.06691])
    text = resaved(separator, decimal, line_end)
    assert read_table("summary.csv", text.encode(encoding)) == expected
    first, second, rest = text.split(line_end, 2)
    empty = (separator * first.count(separator), "", " " * 3)
    odd = line_end.join([first, empty[0], second, *empty, rest]) + line_end.join(empty)
    assert read_table("summary.csv", odd.encode(encoding)) == expected


def test_a_table_in_utf_16_of_either_order_is_read():
    expected = read_table("summary.csv", WRITTEN.encode())
    for order, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        assert read_table("summary.csv", mark + resaved("\t").encode(order)) == expected


@pytest.mark.parametrize(
    ("cost", "says"),
    [
        ("1,234.5", "thousands"),
        ("1.234,5", "thousands"),
        ("1,234", "thousands"),
        ("1.234.567", "l0 is missing, or not a number"),
        ("1'234.5", "l0 is missing, or not a number"),
        ("1\N{NO-BREAK SPACE}234.5", "l0 is missing, or not a number"),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_separator_of_thousands_never_makes_another_number(cost, says, separator):
    text = resaved(separator).replace("32.93", f'"{cost}"')
    with pytest.raises(TableError, match=says):
        read_table("summary.csv", text.encode())


def test_a_row_is_counted_as_in_the_file_whatever_empty_rows_stand_before_it():
    text = "kind;penalty_weight;test_mse;l0\n\nsparse;0,1;0,2;3\n;;;\ndenoising;0,1;0,2;3\n"
    with pytest.raises(TableError, match="row 4: the kind is neither"):
        read_table("summary.csv", text.encode())


NODE = """
    import os, sys
    from pathlib import Path
    import ae_core.analysis.evaluation
    from ae_core.training import job as jobs
    from ae_core.cli.commands import main
    from ae_core.data import Mnist, load_mnist

    few = {"train": 300, "test": 20}
    jobs.load_mnist = lambda split: Mnist(*(part[: few[split]] for part in load_mnist(split)))
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
        epochs = 40
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
