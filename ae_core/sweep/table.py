"""The table of a sweep: one row per cell, written as CSV and Parquet, read back and averaged over seeds."""

from __future__ import annotations

import codecs
import io
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ae_core.analysis.glossary import COSTS
from ae_core.checkpoints.files import write_whole
from ae_core.config import KINDS, Kind, ModelConfig, TrainConfig
from ae_core.errors import TableError
from ae_core.sweep.grid import Cell

MOST_ROWS = 10_000
_LARGEST_INTEGER = 2**63
"""Parquet holds only smaller integers."""

_CONFIG = [field.name for field in (*fields(ModelConfig), *fields(TrainConfig))]
_CONFIG_BUT_SEED = [name for name in _CONFIG if name != "seed"]

_WANTED = {*_CONFIG, *(cost for costs in COSTS.values() for cost in costs), "test_mse", "problem"}

_LISTS = {"digits", "changes", "data"}
"""Columns in which a comma is no decimal mark."""

_SEPARATORS = (",", ";", "\t")
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?$")
_NO_CSV = "{name} is damaged or no CSV file: choose the summary.csv of a sweep, or save it as CSV in UTF-8."

Row = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """A value over several seeds."""

    mean: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Span:
        """The span of at least one value."""
        return cls(math.fsum(values) / len(values), min(values), max(values))


@dataclass(frozen=True)
class SweepPoint:
    """All seeds of one combination."""

    kind: Kind
    penalty_weight: float
    seeds: int
    test_mse: Span
    costs: dict[str, Span]
    """What models are compared by, of `glossary.COSTS`, as far as every seed has it."""
    data_digest: str | None = None
    """Tells the set of images that they were trained and measured on; None: MNIST."""


def rows_of(cells: Sequence[Cell]) -> list[Row]:
    """One row for each cell that is finished or was given up, in the grid's order."""
    rows = []
    for cell in cells:
        checkpoint, problem = cell.result(), cell.problem()
        if checkpoint is None and problem is None:
            continue
        own = {"cell": cell.name, **cell.recipe.as_dict()}
        measured = {} if checkpoint is None else checkpoint.metrics.scalars()
        # A checkpoint's JSON may hold any integer.
        scalars = {
            name: float(value) if isinstance(value, int) and abs(value) >= _LARGEST_INTEGER else value
            for name, value in measured.items()
        }
        problem = None if checkpoint is not None else problem
        rows.append({**own, **scalars, "problem": problem})
    return rows


def write_table(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write summary.csv and summary.parquet; returns where.

    Raises:
        OSError: if the folder cannot be written.
    """
    import pandas  # takes a while, and most commands need no table

    # Python's own numbers: a column of counts stays one where a count is missing.
    table = pandas.DataFrame(rows, dtype=object)
    written = {
        "summary.csv": table.to_csv(index=False, lineterminator="\n").encode(),
        "summary.parquet": table.to_parquet(index=False),
    }
    for name, content in written.items():
        write_whole(folder / name, content)
    return [folder / name for name in written]


def as_text(rows: Sequence[Row]) -> str:
    """The values that matter most, aligned, for a terminal."""
    heading = ("kind", "weight", "rho", "seed", "test MSE", "code shift 0.2", "active units", "problem")
    keys = (
        *("kind", "penalty_weight", "sparsity_target", "seed"),
        *("test_mse", "code_shift_0.2", "active_units", "problem"),
    )
    table = [heading, *(tuple(_shown(row.get(key)) for key in keys) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(heading))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def read_table(name: str, content: bytes) -> list[SweepPoint]:
    """Read the points of a table that `write_table` wrote.

    A spreadsheet may have saved the CSV file again, with another country's separators. Empty rows, cells that
    were given up, and missing values are left out.

    Args:
        name: of the file; its ending tells Parquet from CSV.
    Raises:
        TableError: if it is something else.
    """
    rows = _parquet_rows(name, content) if name.endswith(".parquet") else _csv_rows(name, content)
    seeds: defaultdict[tuple[str | None, ...], list[tuple[Kind, dict[str, float]]]] = defaultdict(list)
    for number, row in enumerate(rows, 1):
        if row and all(value in ("", None) for value in row.values()):
            continue
        kind = row.get("kind")
        if kind not in KINDS:
            raise TableError(f"{name}, row {number}: the kind is neither {' nor '.join(KINDS)}.")
        if row.get("problem"):
            continue
        columns = _cost_columns(row, kind)
        given = {cost: column for cost, column in columns.items() if row.get(column) not in ("", None)}
        columns = {"penalty_weight": "penalty_weight", "test_mse": "test_mse", **(given or columns)}
        values = {key: _number(name, number, row, column) for key, column in columns.items()}
        # Seeds of one combination differ in nothing else.
        key = (row.get("data_digest") or None, *(str(row.get(field)) for field in _CONFIG_BUT_SEED))
        seeds[key].append((kind, values))
    if not seeds:
        raise TableError(f"{name} holds no finished cell.")
    return [_point(group, digest) for (digest, *_), group in seeds.items()]


def _point(seeds: Sequence[tuple[Kind, dict[str, float]]], data_digest: str | None) -> SweepPoint:
    kind, first = seeds[0]
    spans = {
        name: Span.of([values[name] for _, values in seeds])
        for name in first
        if all(name in values for _, values in seeds)
    }
    weight, test_mse = spans.pop("penalty_weight").mean, spans.pop("test_mse")
    return SweepPoint(kind, weight, len(seeds), test_mse, spans, data_digest)


def _cost_columns(row: Row, kind: Kind) -> dict[str, str]:
    """Where in a row each cost stands; an older table's l0 is what is called active_units now."""
    if kind == "sparse" and "active_units" not in row and "l0" in row:
        return {"active_units": "l0"}
    return {cost: cost for cost in COSTS[kind]}


def _number(name: str, number: int, row: Row, key: str) -> float:
    try:
        value = float(row.get(key, ""))
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise TableError(f"{name}, row {number}: {key} is missing, or not a number of at least 0.")
    return value


def _csv_rows(name: str, content: bytes) -> list[Row]:
    """The cells as text; numbers with a decimal point, whichever decimal mark the file has."""
    import pandas

    text = _decode(name, content)
    header = text.lstrip().partition("\n")[0]
    try:
        frame = pandas.read_csv(
            io.StringIO(text),
            # No column's name contains a separator.
            sep=max(_SEPARATORS, key=header.count),
            dtype=str,
            keep_default_na=False,
            index_col=False,
            # An empty line is a row too: so the numbers of rows are those of the file.
            skip_blank_lines=False,
            nrows=MOST_ROWS + 1,
        ).fillna("")
    except pandas.errors.EmptyDataError:
        return []
    except (ValueError, pandas.errors.ParserError):
        raise TableError(_NO_CSV.format(name=name)) from None
    records = frame.rename(columns=str.strip).map(str.strip).to_dict("records")
    rows = [{str(column): value for column, value in record.items()} for record in records]
    return _use_decimal_points(name, _check_count(name, rows))


def _decode(name: str, content: bytes) -> str:
    """The text of a file in UTF-8, in UTF-16 with a byte-order mark ("Unicode text"), or in Windows-1252."""
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableError(_NO_CSV.format(name=name))


def _use_decimal_points(name: str, rows: list[Row]) -> list[Row]:
    """The same rows with decimal points in place of decimal commas.

    Raises:
        TableError: if there are both: one of them may separate thousands, and 1.234 could be two numbers.
    """
    columns = _WANTED - _LISTS
    numbers = [value for row in rows for key, value in row.items() if key in columns and _NUMBER.match(value)]
    commas = any("," in value for value in numbers)
    if commas and any("." in value for value in numbers):
        raise TableError(
            f"{name} has numbers with commas and numbers with points, so that one of them may separate "
            "thousands: save it with one decimal mark and without separators of thousands."
        )
    if not commas:
        return rows
    return [
        {
            key: value.replace(",", ".") if key not in _LISTS and _NUMBER.match(value) else value
            for key, value in row.items()
        }
        for row in rows
    ]


def _parquet_rows(name: str, content: bytes) -> list[Row]:
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        if file.metadata.num_rows > MOST_ROWS:
            raise TableError(f"{name} has more than {MOST_ROWS:,} rows.")
        wanted = [column for column in file.schema_arrow.names if column in _WANTED]
        rows = file.read(columns=wanted).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError):
        raise TableError(f"{name} is not a Parquet file that can be read.") from None
    return _check_count(name, rows)


def _check_count(name: str, rows: list[Row]) -> list[Row]:
    if len(rows) > MOST_ROWS:
        raise TableError(f"{name} has more than {MOST_ROWS:,} rows.")
    return rows
