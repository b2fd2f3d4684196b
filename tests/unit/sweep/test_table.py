"""The table of a sweep: its rows, its means over seeds, and what a spreadsheet made of it. Needs torch."""

import csv
import io

import pyarrow
import pyarrow.parquet
import pytest

from ae_core.analysis.glossary import COSTS
from ae_core.analysis.metrics import NAMES, PartialMetrics
from ae_core.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from ae_core.errors import TableError
from ae_core.model import seeded_autoencoder
from ae_core.sweep.grid import read_grid
from ae_core.sweep.table import Span, as_text, read_table, rows_of, write_table

pytestmark = pytest.mark.usefixtures("few_images")


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


@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ","), ("\t", ",")])
def test_the_commas_between_digits_are_no_decimal_marks(separator, decimal):
    rows = (
        ("kind", "penalty_weight", "digits", "seed", "test_mse", "active_units"),
        ("sparse", f"0{decimal}005", "1,7", "0", f"0{decimal}02", f"24{decimal}5"),
        ("sparse", f"0{decimal}005", "1,3", "0", f"0{decimal}04", f"20{decimal}5"),
    )
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    points = read_table("summary.csv", text.getvalue().encode())
    assert [point.test_mse.mean for point in points] == [0.02, 0.04]
    assert [point.costs["active_units"].mean for point in points] == [24.5, 20.5]


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


def test_a_point_says_of_which_set_it_is():
    head = "kind,penalty_weight,test_mse,active_units,seed,data,data_digest\n"
    own = "sparse,0.005,0.01,20,0,pets," + "a1" * 32 + "\n"
    mnist = "sparse,0.005,0.02,30,0,,\n"
    points = read_table("summary.csv", (head + own + mnist).encode())
    assert [(point.data_digest, point.test_mse.mean) for point in points] == [("a1" * 32, 0.01), (None, 0.02)]
