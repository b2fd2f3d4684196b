"""The command that trains a grid of models."""

from __future__ import annotations

from pathlib import Path

import click

from ae_core.cli.data_options import data_options, given_data
from ae_core.cli.options import compute_of_option, device_option, json_option, print_json
from ae_core.data.fitting import Fit
from ae_core.errors import GridError
from ae_core.sweep.grid import read_grid
from ae_core.sweep.table import as_text, rows_of, write_table
from ae_core.sweep.worker import work_on
from ae_core.training import distributed


@click.command("sweep")
@click.argument("grid", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that all processes share.  [default: named like the grid's file, beside it]",
)
@device_option
@click.option("--summary", is_flag=True, help="Train nothing: print and write the table of what is there.")
@json_option
@data_options
def sweep_command(
    grid: Path,
    out: Path | None,
    device: str,
    summary: bool,
    as_json: bool,
    data: str | None,
    fit: Fit,
) -> None:
    """Train every cell of a grid; under torchrun all processes share the work.

    What is finished is skipped, what was interrupted goes on, what crashed is tried once more and then
    reported. The last line tells what there is; the table goes to summary.csv and summary.parquet. With
    --json it is printed as one object per cell.
    """
    images = given_data(data, fit)
    try:
        cells = read_grid(grid, out or grid.with_suffix(""), images)
    except GridError as error:
        raise click.UsageError(str(error)) from None
    rank, size = distributed.place_in_launch()
    if not summary:
        distributed.use_own_device()
        compute = compute_of_option(device)
        who = f"[{rank}] " if size > 1 else ""
        work_on(cells, compute, rank, size, lambda sentence: click.echo(f"{who}{sentence}", err=True), images)
    # Every process writes the same table, since any of them may be the last that lives.
    rows = rows_of(cells)
    paths = write_table(rows, cells[0].folder)
    if rank > 0:
        return
    if as_json:
        for row in rows:
            print_json(row)
    else:
        click.echo(as_text(rows))
    failed = sum(row["problem"] is not None for row in rows)
    click.echo(
        f"{len(rows) - failed} of {len(cells)} cells finished, {failed} given up; written to "
        f"{' and '.join(map(str, paths))}",
        err=True,
    )
    if failed:
        raise click.ClickException(f"{failed} of {len(cells)} cells were given up: the table says why.")
