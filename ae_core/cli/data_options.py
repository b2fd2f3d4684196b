"""The options that name a set of images, and what they mean for a model that was trained on one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ae_core.checkpoints import AnyCheckpoint
from ae_core.data import MNIST, DataSet
from ae_core.data.dataset import MNIST_NAME, name_of
from ae_core.data.fitting import FIT_HELP, FITS, Fit
from ae_core.data.own import DATA_HELP, open_data
from ae_core.training import distributed

fit_option = click.option("--fit", type=click.Choice(FITS), default="fit", show_default=True, help=FIT_HELP)


def data_options(command: Any) -> Any:  # noqa: ANN401 - a click decorator
    """The options `--data` and `--fit`."""
    return click.option("--data", metavar="NAME|PATH", help=f"The images: {DATA_HELP}  [default: mnist]")(
        fit_option(command)
    )


def given_data(data: str | None, fit: Fit) -> DataSet:
    """The set that the options name; MNIST if they name none.

    Raises:
        DataError: if there is none, or what is there is no set.
    """
    if data is None or data.lower() == MNIST_NAME.lower():
        return MNIST
    # Read and described once a command, however many files are measured on it.
    known = click.get_current_context().meta
    if (name := f"{__name__}.{data}") not in known:
        known[name] = open_data(data, fit)
        if distributed.rank() == 0:
            _tell(known[name])
    found: DataSet = known[name]
    return found


def _tell(found: DataSet) -> None:
    click.echo(describe(found), err=True)
    for warning in found.warnings:
        click.echo(f"{found.name}: {warning}", err=True)


def data_for(
    file: Path, checkpoint: AnyCheckpoint, data: str | None, fit: Fit, its_own: str | None = None
) -> DataSet:
    """The set that a model is to be measured on; says so where it is not the one that it was trained on.

    Args:
        its_own: what needs the set that it was trained on, to begin a sentence; None: any will do.
    Raises:
        click.UsageError: if none is named for a model of another set than MNIST, or another one for what
            needs its own.
        DataError: as `given_data`.
    """
    trained_on = name_of(checkpoint.train_config)
    if data is None and checkpoint.train_config.data is not None:
        raise click.UsageError(f"{file} was trained on the set {trained_on}: say where it is with --data.")
    found = given_data(data, fit)
    if not found.is_of(checkpoint.train_config):
        apart = _apart(found, trained_on)
        if its_own is not None:
            raise click.UsageError(f"{its_own} is of the set that a model was trained on: {file} {apart}.")
        click.echo(f"{file} {apart}: these values say what it makes of other images.", err=True)
    return found


def _apart(found: DataSet, trained_on: str) -> str:
    if found.name == trained_on:
        return f"was trained on another set of the name {trained_on}, or with another --fit"
    return f"was trained on {trained_on}, not on {found.name}"


def describe(data: DataSet) -> str:
    """A set in a line: how many images and classes, and its digest's beginning."""
    counts = f"{len(data.images('train')):,} training and {len(data.images('test')):,} test images"
    classes = f"{len(data.classes)} classes" if data.classes else "no labels"
    return f"{data.name}: {counts}, {classes}, digest {data.digest[:12]}"
