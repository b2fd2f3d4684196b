"""The command that probes a code: how well a linear reader tells the classes by it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from ae_core.analysis import glossary
from ae_core.analysis.probe import Features, Probe, measure_probe
from ae_core.analysis.probe_baselines import baselines
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.probe_file import BASELINES, probe_path, save_baselines, save_probe
from ae_core.cli.data_options import data_for, data_options, given_data
from ae_core.cli.options import json_option, print_json, progress_bar
from ae_core.data import DataSet
from ae_core.data.fitting import Fit


@click.command("probe")
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(dir_okay=False, path_type=Path))
@json_option
@click.option("--store", is_flag=True, help="Keep each probe in a folder probes beside its file.")
@click.option(
    "--baselines",
    "of_baselines",
    is_flag=True,
    help="Probe pixels, components, untrained networks.",
)
@data_options
def probe_command(
    files: tuple[Path, ...], as_json: bool, store: bool, of_baselines: bool, data: str | None, fit: Fit
) -> None:
    """Read the classes off the code of a checkpoint with a logistic regression; prints its test errors.

    In percent: with all labels, with 1,000 and 100 of them (mean and standard deviation of five draws), and
    on noisy and shifted images. The regularisation is chosen on training images.
    """
    if not files and not of_baselines:
        raise click.UsageError("Name a checkpoint to probe, or give --baselines.")
    for file in files:
        checkpoint = load_checkpoint(file)
        images = data_for(file, checkpoint, data, fit, "A probe that is kept" if store else None)
        probe = _probe(file.stem, checkpoint.model.encode, images)
        _print(file.stem, probe.errors, as_json)
        if store:
            save_probe(probe, checkpoint.model, probe_path(file), images)
    if of_baselines:
        images = given_data(data, fit)
        if store and not images.is_mnist:
            raise click.UsageError(
                "The baselines that are kept are those of MNIST: leave out --data or --store."
            )
        found = {
            name: _probe(name, features, images).errors
            for name, features in baselines(images.images("train")).items()
        }
        for name, errors in found.items():
            _print(name, errors, as_json)
        if store:
            save_baselines(found, BASELINES)


def _probe(name: str, features: Features, data: DataSet) -> Probe:
    train, test = data.labelled("train"), data.labelled("test")
    with progress_bar(name) as advance:
        return measure_probe(features, train, test, advance, len(data.classes))


def _print(name: str, errors: Mapping[str, float], as_json: bool) -> None:
    if as_json:
        print_json(dict(errors))
        return
    click.echo(f"{name}: test errors in percent")
    for key, value in errors.items():
        click.echo(f"  {value:6.2f}  {glossary.term(key).label}")
