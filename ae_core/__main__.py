"""The command line: train one model, train a ladder, evaluate a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from time import sleep
from typing import Any

import click

from ae_core.checkpoints import Checkpoint, CheckpointError, ladder_paths, load_checkpoint, save_checkpoint
from ae_core.config import KINDS, RECIPE_NAMES, RECIPES, ModelConfig, Recipe, TrainConfig
from ae_core.data import DataError, load_mnist
from ae_core.metrics import MetricsError, evaluate
from ae_core.model import Autoencoder, initial_model
from ae_core.runs import leave_all, train_ladder
from ae_core.training import (
    Compute,
    DeviceError,
    TrainingDivergedError,
    TrainProgress,
    choose_compute,
    train,
)

_OVERRIDABLE = [field for field in (*fields(ModelConfig), *fields(TrainConfig)) if field.name != "kind"]
"""The fields of a recipe that are options; the kind chooses the recipe itself."""
_LOOK_SECONDS = 0.2


class _NumberOrNone(click.ParamType):
    name = "number|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:  # noqa: ANN401
        return None if value == "none" else click.FLOAT.convert(value, param, ctx)


def _option_type(annotation: str) -> click.ParamType:
    if annotation == "int":
        return click.INT
    if annotation == "float":
        return click.FLOAT
    if annotation == "float | None":
        return _NumberOrNone()
    return click.STRING


def _recipe_options(command: Any) -> Any:  # noqa: ANN401 - a click decorator
    """One option for each field of a recipe, so that any of them can be overridden."""
    for field in reversed(_OVERRIDABLE):
        flag = f"--{field.name.replace('_', '-')}"
        command = click.option(flag, type=_option_type(field.type), help="Overrides the recipe.")(command)
    recipe = click.option(
        "--recipe", "recipe_name", type=click.Choice(RECIPE_NAMES), default="best", show_default=True
    )
    device = click.option("--device", default="auto", show_default=True, help="auto, cuda or cpu.")
    kind = click.option("--kind", type=click.Choice(KINDS), required=True)
    return kind(recipe(device(command)))


def _recipe(kind: str, recipe_name: str) -> Recipe:
    """The named recipe with the options that were given on the command line."""
    context = click.get_current_context()
    given = {
        field.name: context.params[field.name]
        for field in _OVERRIDABLE
        if context.get_parameter_source(field.name) is click.core.ParameterSource.COMMANDLINE
    }
    try:
        return RECIPES[kind][recipe_name].override(**given)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _compute(device: str) -> Compute:
    try:
        return choose_compute(device)
    except DeviceError as error:
        raise click.UsageError(str(error)) from None


def _train_with_bar(model: Autoencoder, recipe: Recipe, compute: Compute, label: str) -> None:
    def status(progress: TrainProgress | None) -> str:
        if progress is None:
            return ""
        return f"epoch {progress.epoch}  mse {progress.mse:.5f}  penalty {progress.penalty:.4g}"

    images = load_mnist("train").images
    click.echo(f"{label} on {compute} ({compute.reason})", err=True)
    with click.progressbar(length=1000, label=label, file=sys.stderr, item_show_func=status) as bar:
        for progress in train(model, images, recipe.train, compute):
            bar.update(round(1000 * progress.fraction) - bar.pos, progress)


def _evaluated(model: Autoencoder, recipe: Recipe) -> Checkpoint:
    metrics = evaluate(model.eval(), load_mnist("test").images)
    return Checkpoint(model, recipe.model, recipe.train, metrics)


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
@_recipe_options
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def train_command(kind: str, recipe_name: str, device: str, out: Path, **_: object) -> None:
    """Train one model and save it, with its metrics, to a file."""
    recipe = _recipe(kind, recipe_name)
    compute = _compute(device)
    model = initial_model(recipe)
    try:
        _train_with_bar(model, recipe, compute, out.stem)
    except TrainingDivergedError as error:
        rescued = out.with_stem(f"{out.stem}.last-good")
        save_checkpoint(_evaluated(model, recipe), rescued)
        raise click.ClickException(f"{error} They are in {rescued}.") from None
    checkpoint = _evaluated(model, recipe)
    save_checkpoint(checkpoint, out)
    click.echo(f"{out}: {_summary(checkpoint)}", err=True)


@cli.command("ladder")
@_recipe_options
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
def ladder_command(kind: str, recipe_name: str, device: str, out: Path, **_: object) -> None:
    """Train one model for each penalty weight of a kind's ladder; files that are there and valid are kept."""
    source = click.get_current_context().get_parameter_source("penalty_weight")
    if source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("a ladder has its penalty weights; for a single one use train")
    recipe = _recipe(kind, recipe_name)
    compute = _compute(device)
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
    for checkpoint, path in train_all(missing, compute):
        save_checkpoint(checkpoint, path)
        click.echo(f"{path}: {_summary(checkpoint)}", err=True)


def _train_in_turn(rungs: list[tuple[Recipe, Path]], compute: Compute) -> Iterator[tuple[Checkpoint, Path]]:
    for recipe, path in rungs:
        model = initial_model(recipe)
        _train_with_bar(model, recipe, compute, path.stem)
        yield _evaluated(model, recipe), path


def _train_at_once(rungs: list[tuple[Recipe, Path]], compute: Compute) -> Iterator[tuple[Checkpoint, Path]]:
    """All rungs at the same time, with one bar; yields each when it is measured."""
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
            if snapshot.state == "finished":
                yield snapshot.checkpoint, path
            else:
                problems.append(f"{path.stem}: {snapshot.error}")
        if problems:
            raise TrainingDivergedError(" ".join(problems))
    finally:
        leave_all(runs)


@cli.command("evaluate")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--device", default="auto", show_default=True, help="auto, cuda or cpu.")
def evaluate_command(file: Path, device: str) -> None:
    """Measure a checkpoint on the test set; prints one JSON object."""
    checkpoint = load_checkpoint(file, _compute(device).device)
    metrics = evaluate(checkpoint.model, load_mnist("test").images)
    click.echo(json.dumps(metrics, allow_nan=False))


@cli.command("bench")
@click.option("--device", default="auto", show_default=True, help="auto, cuda or cpu.")
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Their median counts.")
@click.option(
    "--images", type=click.IntRange(1, 60_000), default=60_000, show_default=True, help="To train on."
)
def bench_command(device: str, repeats: int, images: int) -> None:
    """Time training and Jacobians beside plain PyTorch; prints a table in Markdown. Minutes on a CPU."""
    # Its libraries are needed by no other command.
    from ae_core.bench import HEADING, bench, machine

    compute = _compute(device)
    click.echo(f"Measured on {machine(compute)}; medians of {repeats}.\n\n{HEADING}")
    for row in bench(compute, repeats, images):
        click.echo(row)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; a mistake ends in one line on standard error and exit code 2, a failure in 1."""
    try:
        return cli.main(arguments, prog_name="python -m ae_core", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        return 2
    except click.UsageError as error:
        code, message = 2, error.format_message()
    except click.ClickException as error:
        code, message = 1, error.format_message()
    except (CheckpointError, DataError, MetricsError, TrainingDivergedError) as error:
        code, message = 1, str(error)
    except (click.Abort, KeyboardInterrupt):
        code, message = 1, "Stopped before the end; the unfinished model was not written."
    click.echo(f"Error: {' '.join(message.split())}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
