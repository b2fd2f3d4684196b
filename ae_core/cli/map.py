"""The command that maps codes: where the test images lie in them."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from ae_core.analysis.atlas import make_atlas
from ae_core.analysis.vectors import encode_all
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.atlas_file import atlas_path, save_atlas
from ae_core.cli.data_options import data_for, data_options
from ae_core.cli.options import json_option, print_json, progress_bar
from ae_core.config import Kind
from ae_core.data.fitting import Fit


@click.command("map")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(dir_okay=False, path_type=Path)
)
@json_option
@click.option("--store", is_flag=True, help="Keep each map in a folder maps beside its file.")
@data_options
def map_command(files: tuple[Path, ...], as_json: bool, store: bool, data: str | None, fit: Fit) -> None:
    """Map the test images by the codes of checkpoints (t-SNE); prints how far each map can be trusted.

    Each map begins where the one before it, of the same kind, ended: so those of a ladder are aligned when
    they are given in its order.
    """
    last: dict[Kind, np.ndarray] = {}
    for file in files:
        checkpoint = load_checkpoint(file)
        kind = checkpoint.model_config.kind
        images = data_for(file, checkpoint, data, fit, "A map that is kept" if store else None)
        codes = encode_all(checkpoint.model, images.images("test")).rows
        with progress_bar(file.stem) as advance:
            atlas = make_atlas(codes, last.get(kind), advance)
        last[kind] = atlas.places
        said = {"file": file.name, "trustworthiness": round(atlas.trustworthiness, 4)}
        if as_json:
            print_json(said)
        else:
            click.echo(f"{file.stem}: trustworthiness {atlas.trustworthiness:.3f}")
        if store:
            save_atlas(atlas, checkpoint.model, atlas_path(file), images)
