"""The command that makes the film of a checkpoint, with which the page winds its training back."""

from __future__ import annotations

from pathlib import Path

import click

from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.film import MOST_FRAMES, Film, film_path, frame_of, save_film
from ae_core.cli.data_options import data_for, data_options
from ae_core.cli.foreground import train_with_bar
from ae_core.cli.options import compute_of_option, device_option
from ae_core.config import Recipe
from ae_core.data.fitting import Fit
from ae_core.errors import CheckpointError
from ae_core.training.camera import Camera
from ae_core.training.job import Job


@click.command("film")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="[default: films/ beside FILE]")
@click.option("--frames", type=click.IntRange(2, MOST_FRAMES), default=12, show_default=True)
@device_option
@data_options
def film_command(file: Path, out: Path | None, frames: int, device: str, data: str | None, fit: Fit) -> None:
    """Train the recipe of a checkpoint anew, and keep the weights of a few steps for winding back.

    The last frame is the checkpoint itself; how far from it the training ended is printed.
    """
    checkpoint = load_checkpoint(file)
    recipe = Recipe(checkpoint.model_config, checkpoint.train_config)
    camera, images = Camera(recipe), data_for(file, checkpoint, data, fit, "A film")
    train_with_bar(Job(recipe, compute_of_option(device), camera=camera, data=images), file.stem)
    film = camera.film()
    last = frame_of(checkpoint.model, 0)
    if film is None or last is None:
        raise click.ClickException(f"{file} has weights that are too large for a film.")
    made = film.frames[-1]
    differences = (made.weights[name].float() - value.float() for name, value in last.weights.items())
    apart = max(float(difference.abs().max()) for difference in differences)
    film = Film(recipe, (*film.frames[:-1], made._replace(weights=last.weights)), apart).thinned(frames)
    target = out or film_path(file)
    try:
        save_film(film, target)
    except OSError as error:
        raise CheckpointError(f"{target} could not be written: {error.strerror or error}.") from error
    size = sum(frame.nbytes for frame in film.frames) / 1e6
    click.echo(
        f"{target}: {len(film.frames)} frames, {size:.1f} MB; the training ended within {apart:.2g} of the "
        f"weights in {file.name}.",
        err=True,
    )
