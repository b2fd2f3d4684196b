"""The command line: train, resume, train a ladder, evaluate a file, measure how fast it all is."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import sleep

import click

from ae_core import distributed, foreground
from ae_core.checkpoints import Checkpoint, ladder_paths, load_checkpoint, save_checkpoint
from ae_core.compute import Compute
from ae_core.config import Recipe
from ae_core.data import load_mnist
from ae_core.errors import CheckpointError, GridError, LabError, explain
from ae_core.foreground import command_for, last_good, open_job, start_job, train_to_file
from ae_core.metrics import evaluate
from ae_core.options import (
    compute_of_option,
    device_option,
    given_options,
    recipe_of_options,
    recipe_options,
    refuse_recipe_options,
)
from ae_core.runs import end_all, train_ladder
from ae_core.states import RUNS_VARIABLE, look_at, runs_dir
from ae_core.sweep import read_grid, work_on
from ae_core.sweep_table import as_text, rows_of, write_table

_LOOK_SECONDS = 0.2
_MOST_RUNS = 100

_runs_dir_option = click.option(
    "--runs-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=runs_dir,
    envvar=RUNS_VARIABLE,
    help="Where the states of unfinished runs are kept.  [default: the user's data folder]",
)


def _summary(checkpoint: Checkpoint) -> str:
    return "  ".join(
        f"{name} {value:.5g}"
        for name, value in checkpoint.metrics.items()
        if isinstance(value, int | float) and name != "code_variance"
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Autoencoder Lab: regularised autoencoders on MNIST."""


@cli.command("train")
@recipe_options
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.option("--resume", metavar="RUN", help="Go on with an interrupted run, by its name.")
@_runs_dir_option
def train_command(
    kind: str | None,
    recipe_name: str,
    device: str,
    out: Path | None,
    resume: str | None,
    runs_dir: Path,
    **_: object,
) -> None:
    """Train one model and save it, with its metrics, to a file.

    The same command, given again after an interruption, goes on where the state was kept last. Under torchrun
    all processes train the model together, on the same batches.
    """
    with distributed.process_group():
        if resume is not None:
            refuse_recipe_options()
            job = open_job(resume, runs_dir, out)
            out = out or (None if job.target is None else Path(job.target))
        elif out is not None:
            recipe, compute = recipe_of_options(kind, recipe_name), compute_of_option(device)
            job = start_job(recipe, compute, out, runs_dir)
        if out is None:
            raise click.UsageError("Missing option '--out': say which file the model goes to.")
        checkpoint = train_to_file(job, out)
    if checkpoint is not None:
        click.echo(f"{out}: {_summary(checkpoint)}", err=True)


@cli.command("runs")
@click.option("--forget", metavar="RUN", help="Remove the state of an interrupted run.")
@_runs_dir_option
def runs_command(forget: str | None, runs_dir: Path) -> None:
    """List the interrupted runs, the newest first, one per line; also those whose state is damaged."""
    if forget is not None:
        foreground.forget(forget, runs_dir)
        return
    for name, run in islice(look_at(runs_dir), _MOST_RUNS):
        if isinstance(run, CheckpointError):
            command = command_for(runs_dir / name, "runs", "--forget")
            click.echo(f"{name}  cannot go on. {run} To forget it: {command}")
            continue
        of_steps = f" of {run.history[-1].total_steps:,}" if run.history else ""
        train = run.recipe.train
        click.echo(
            f"{name}  {run.recipe.model.kind} {train.penalty_weight:g}, seed {train.seed}, on {run.compute}, "
            f"step {run.state.step:,}{of_steps}"
        )


@cli.command("ladder")
@recipe_options
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@_runs_dir_option
def ladder_command(
    kind: str | None, recipe_name: str, device: str, out: Path, runs_dir: Path, **_: object
) -> None:
    """Train one model for each penalty weight of a kind's ladder; files that are there and valid are kept."""
    if given_options(["penalty_weight"]):
        raise click.UsageError("a ladder has its penalty weights; for a single one use train")
    recipe = recipe_of_options(kind, recipe_name)
    compute = compute_of_option(device)
    missing = []
    for weight, path in ladder_paths(kind, out).items():
        rung = recipe.override(penalty_weight=weight)
        try:
            checkpoint = load_checkpoint(path)
        except CheckpointError:
            missing.append((rung, path))
            continue
        if Recipe(checkpoint.model_config, checkpoint.train_config) != rung:
            raise click.ClickException(
                f"{path} holds a model of another recipe: move it away or choose another folder."
            )
        click.echo(f"{path} (kept): {_summary(checkpoint)}", err=True)
    train_all = _train_at_once if compute.device.type == "cuda" else _train_in_turn
    for checkpoint, path in train_all(missing, compute, runs_dir):
        click.echo(f"{path}: {_summary(checkpoint)}", err=True)


def _train_in_turn(
    rungs: list[tuple[Recipe, Path]], compute: Compute, runs_dir: Path
) -> Iterator[tuple[Checkpoint, Path]]:
    for recipe, path in rungs:
        yield train_to_file(start_job(recipe, compute, path, runs_dir), path), path


def _train_at_once(
    rungs: list[tuple[Recipe, Path]],
    compute: Compute,
    runs_dir: Path,  # noqa: ARG001 - seconds are not worth a state
) -> Iterator[tuple[Checkpoint, Path]]:
    """All rungs at the same time, with one bar; yields each when it is measured and saved."""
    if not rungs:
        return
    click.echo(f"{len(rungs)} models at once on {compute} ({compute.reason})", err=True)
    runs = train_ladder(rungs[0][0], [recipe.train.penalty_weight for recipe, _ in rungs], compute)
    try:
        with click.progressbar(length=1000, label="ladder", file=sys.stderr) as bar:
            while any(run.snapshot().state in ("waiting", "training") for run in runs):
                sleep(_LOOK_SECONDS)
                done = sum(
                    snapshot.progress.fraction for run in runs if (snapshot := run.snapshot()).progress
                )
                bar.update(round(1000 * done / len(runs)) - bar.pos)
        problems = []
        for run, (_, path) in zip(runs, rungs, strict=True):
            snapshot = run.wait()
            finished = snapshot.state == "finished"
            out = path if finished else last_good(path)
            if not finished:
                problems.append(f"{path.stem}: {snapshot.error}")
            if snapshot.checkpoint is None:
                continue
            try:
                save_checkpoint(snapshot.checkpoint, out)
            except CheckpointError as error:
                # What keeps one file from being written need not keep the next.
                problems.append(f"{error} No state of it is kept: the same command trains it again.")
                continue
            if finished:
                yield snapshot.checkpoint, path
            else:
                problems.append(f"They are in {out}.")
        if problems:
            raise LabError(" ".join(problems))
    finally:
        end_all(runs)


@cli.command("sweep")
@click.argument("grid", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that all processes share.  [default: named like the grid's file, beside it]",
)
@device_option
@click.option("--summary", is_flag=True, help="Train nothing: print and write the table of what is there.")
def sweep_command(grid: Path, out: Path | None, device: str, summary: bool) -> None:
    """Train every cell of a grid; under torchrun all processes share the work.

    What is finished is skipped, what was interrupted goes on, what crashed is tried once more and then
    reported. The last line tells what there is; the table goes to summary.csv and summary.parquet.
    """
    try:
        cells = read_grid(grid, out or grid.with_suffix(""))
    except GridError as error:
        raise click.UsageError(str(error)) from None
    rank, size = distributed.place_in_launch()
    if not summary:
        distributed.use_own_device()
        compute = compute_of_option(device)
        who = f"[{rank}] " if size > 1 else ""
        work_on(cells, compute, rank, size, lambda sentence: click.echo(f"{who}{sentence}", err=True))
    # Every process writes the same table, since any of them may be the last that lives.
    rows = rows_of(cells)
    paths = write_table(rows, cells[0].folder)
    if rank > 0:
        return
    click.echo(as_text(rows))
    failed = sum(row["problem"] is not None for row in rows)
    click.echo(
        f"{len(rows) - failed} of {len(cells)} cells finished, {failed} given up; written to "
        f"{' and '.join(map(str, paths))}",
        err=True,
    )
    if failed:
        raise click.ClickException(f"{failed} of {len(cells)} cells were given up: the table says why.")


@cli.command("evaluate")
@click.argument("file", type=click.Path(path_type=Path))
@device_option
@click.option("--store", is_flag=True, help="Replace the values in the file by these; its weights stay.")
def evaluate_command(file: Path, device: str, store: bool) -> None:
    """Measure a checkpoint on the test set; prints one JSON object."""
    checkpoint = load_checkpoint(file, compute_of_option(device).device)
    metrics = evaluate(checkpoint.model, load_mnist("test").images)
    if store:
        save_checkpoint(replace(checkpoint, metrics=metrics), file)
    click.echo(json.dumps(metrics, allow_nan=False))


@cli.command("bench")
@device_option
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Their median counts.")
@click.option(
    "--images", type=click.IntRange(1, 60_000), default=60_000, show_default=True, help="To train on."
)
def bench_command(device: str, repeats: int, images: int) -> None:
    """Time training and Jacobians beside plain PyTorch; prints a table in Markdown. Minutes on a CPU."""
    # Its libraries are needed by no other command.
    from ae_core.bench import HEADING, bench, machine

    compute = compute_of_option(device)
    click.echo(f"Measured on {machine(compute)}; medians of {repeats}.\n\n{HEADING}")
    for row in bench(compute, repeats, images):
        click.echo(row)


def _print_on_any_terminal() -> None:
    """Have a letter that the terminal lacks printed as a question mark, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        # Streams put in their place, by a test or a notebook, may take every letter and have no such setting.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; a mistake ends in one line on standard error and exit code 2, a failure in 1."""
    _print_on_any_terminal()
    try:
        return cli.main(arguments, prog_name="python -m ae_core", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        return 2
    except click.UsageError as error:
        code, message = 2, error.format_message()
    except click.ClickException as error:
        code, message = 1, error.format_message()
    except (click.Abort, KeyboardInterrupt):
        code, message = 1, "Stopped before the end; the unfinished model was not written."
    except OSError as error:
        code, message = 1, f"{error.filename or 'A file'} cannot be written: {error.strerror or error}."
    except Exception as error:
        code, message = 1, explain(error)
        if message is None:
            raise
    click.echo(f"Error: {' '.join(message.split())}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
