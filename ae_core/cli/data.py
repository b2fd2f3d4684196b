"""The command that looks at a set of images before anything is trained on it."""

from __future__ import annotations

from pathlib import Path

import click

from ae_core.checkpoints.files import save_whole
from ae_core.cli.data_options import describe, fit_option
from ae_core.cli.options import json_option, print_json
from ae_core.data.fitting import Fit
from ae_core.data.mnist import SPLITS
from ae_core.data.own import open_data
from ae_core.data.samples import counts_of, sample_rows
from ae_core.render.sample_sheet import draw_samples


@click.command("data")
@click.argument("where", metavar="NAME|PATH")
@fit_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw ten images of each class into this PNG file.",
)
@json_option
def data_command(where: str, fit: Fit, out: Path | None, as_json: bool) -> None:
    """Look at a set of images as models see it: counts, classes, what is odd, and ten samples per class."""
    data = open_data(where, fit)
    counts = counts_of(data)
    if as_json:
        facts = {
            "name": data.name,
            "digest": data.digest,
            "images": {split: len(data.images(split)) for split in SPLITS},
            "classes": counts,
            "warnings": list(data.warnings),
        }
        print_json(facts)
    else:
        click.echo(describe(data))
        width = max(map(len, counts), default=0)
        for name, (train, test) in counts.items():
            click.echo(f"  {name.ljust(width)}  {train:,} training, {test:,} test")
        for warning in data.warnings:
            click.echo(f"  Note: {warning}")
    if out is not None:
        save_whole(out, draw_samples(sample_rows(data)))
        click.echo(f"{out}: samples of {data.name}, as a model sees them.", err=True)
