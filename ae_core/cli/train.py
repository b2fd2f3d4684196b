"""The commands that train one model or a ladder, and the one that lists interrupted runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import sleep

import click

from ae_core.analysis.metrics import Metrics
from ae_core.checkpoints import AnyCheckpoint, Checkpoint, load_checkpoint, save_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.cli import foreground
from ae_core.cli.data_options import data_options, given_data
from ae_core.cli.foreground import command_for, last_good_path, open_job, start_job, train_to_file
from ae_core.cli.options import (
    compute_of_option,
    given_options,
    json_option,
    print_json,
    recipe_of_options,
    recipe_options,
    refuse_recipe_options,
)
from ae_core.config import Kind, Recipe, RecipeName
from ae_core.data import DataSet
from ae_core.data.fitting import Fit
from ae_core.errors import CheckpointError, LabError
from ae_core.training import distributed
from ae_core.training.background import end_all
from ae_core.training.compute import Compute
from ae_core.training.ladder import train_ladder
from ae_core.training.run_folder import RUNS_VARIABLE, look_at, runs_dir
from ae_core.training.saved_run import SavedRun

_LOOK_SECONDS = 0.2
_MOST_RUNS = 100

_runs_dir_option = click.option(
    "--runs-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=runs_dir,
    envvar=RUNS_VARIABLE,
    help="Where the states of unfinished runs are kept.  [default: the user's data folder]",
)


def _summarise(checkpoint: AnyCheckpoint) -> str:
    return "  ".join(
        f"{name} {value:.5g}"
        for name, value in checkpoint.metrics.scalars().items()
        if value is not None and name != "code_variance"
    )


@click.command("train")
@recipe_options
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.option("--resume", metavar="RUN", help="Go on with an interrupted run, by its name.")
@_runs_dir_option
@data_options
def train_command(
    kind: Kind | None,
    recipe_name: RecipeName,
    device: str,
    out: Path | None,
    resume: str | None,
    runs_dir: Path,
    data: str | None,
    fit: Fit,
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
            images = given_data(data, fit)
            job = start_job(recipe.override(**images.fields), compute, out, runs_dir, images)
        if out is None:
            raise click.UsageError("Missing option '--out': say which file the model goes to.")
        checkpoint = train_to_file(job, out)
    if checkpoint is not None:
        click.echo(f"{out}: {_summarise(checkpoint)}", err=True)


@click.command("runs")
@click.option("--forget", metavar="RUN", help="Remove the state of an interrupted run.")
@_runs_dir_option
@json_option
def runs_command(forget: str | None, runs_dir: Path, as_json: bool) -> None:
    """List the interrupted runs, the newest first, one per line; also those whose state is damaged.

    With --json one object per line: name and, of a run that can go on, recipe, device, step and total steps;
    of any other the problem.
    """
    if forget is not None:
        foreground.forget(forget, runs_dir)
        return
    for name, run in islice(look_at(runs_dir), _MOST_RUNS):
        if as_json:
            print_json({"name": name} | _as_json(run))
            continue
        if isinstance(run, CheckpointError):
            command = command_for(runs_dir / name, "runs", "--forget")
            click.echo(f"{name}  cannot go on. {run} To forget it: {command}")
            continue
        of_steps = f" of {run.history[-1].total_steps:,}" if run.history else ""
        train = run.recipe.train
        click.echo(
            f"{name}  {run.recipe.model.kind} {train.penalty_weight:g}{train.remarks}, seed {train.seed}, "
            f"on {run.compute}, "
            f"step {run.state.step:,}{of_steps}"
        )


def _as_json(run: SavedRun | CheckpointError) -> dict[str, object]:
    if isinstance(run, CheckpointError):
        return {"problem": str(run)}
    return {
        "recipe": run.recipe.as_dict(),
        "device": run.compute.device.type,
        "step": run.state.step,
        "total_steps": run.history[-1].total_steps if run.history else None,
    }


@click.command("ladder")
@recipe_options
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@_runs_dir_option
@data_options
def ladder_command(
    kind: Kind | None,
    recipe_name: RecipeName,
    device: str,
    out: Path,
    runs_dir: Path,
    data: str | None,
    fit: Fit,
    **_: object,
) -> None:
    """Train one model for each penalty weight of a kind's ladder; files that are there and valid are kept."""
    if given_options(["penalty_weight"]):
        raise click.UsageError("a ladder has its penalty weights; for a single one use train")
    recipe = recipe_of_options(kind, recipe_name)
    compute = compute_of_option(device)
    images = given_data(data, fit)
    recipe = recipe.override(**images.fields)
    missing = []
    for weight, path in ladder_paths(recipe.model.kind, out).items():
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
        click.echo(f"{path} (kept): {_summarise(checkpoint)}", err=True)
    train_all = _train_at_once if compute.device.type == "cuda" else _train_in_turn
    for checkpoint, path in train_all(missing, compute, runs_dir, images):
        click.echo(f"{path}: {_summarise(checkpoint)}", err=True)


def _train_in_turn(
    rungs: list[tuple[Recipe, Path]], compute: Compute, runs_dir: Path, data: DataSet
) -> Iterator[tuple[Checkpoint[Metrics], Path]]:
    for recipe, path in rungs:
        checkpoint = train_to_file(start_job(recipe, compute, path, runs_dir, data), path)
        if checkpoint is not None:
            yield checkpoint, path


def _train_at_once(
    rungs: list[tuple[Recipe, Path]],
    compute: Compute,
    runs_dir: Path,  # noqa: ARG001 - seconds are not worth a state
    data: DataSet,
) -> Iterator[tuple[Checkpoint[Metrics], Path]]:
    """All rungs at the same time, with one bar; yields each when it is measured and saved."""
    if not rungs:
        return
    click.echo(f"{len(rungs)} models at once on {compute} ({compute.reason})", err=True)
    weights = [recipe.train.penalty_weight for recipe, _ in rungs]
    runs = train_ladder(rungs[0][0], weights, compute, data=data)
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
            out = path if finished else last_good_path(path)
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
