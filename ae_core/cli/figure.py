"""The command that draws one figure, for papers and scripts."""

from __future__ import annotations

import re
from pathlib import Path

import click
import plotly.graph_objects as go
import torch

from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.files import write_whole
from ae_core.cli.data_options import data_for, data_options
from ae_core.data import DataSet, Picture, to_float
from ae_core.data.fitting import Fit
from ae_core.errors import LabError
from ae_core.figures import FIGURES, Subject, draw
from ae_core.render.chart_data import charts_to_csv

_VIEWS = {view.value.lower(): view for view in FIGURES}
_CHARTS = "; ".join(f"{name}: {', '.join(FIGURES[view])}" for name, view in _VIEWS.items())
_FORMATS = (".svg", ".png", ".csv")


def _test_picture(data: DataSet, text: str) -> Picture:
    """The test image that a text such as 7.2 names: the third one of class 7, by the classes' numbers.

    Raises:
        click.UsageError: if it names none.
        DataError: if the set has no labels.
    """
    match = re.fullmatch(r"([0-9]{1,3})\.([0-9]{1,5})", text)
    if match is None:
        raise click.UsageError(f"{text!r} is no test digit: write 7.2 for the third 7.")
    images, labels = data.labelled("test")
    examples = torch.nonzero(labels == int(match[1])).flatten()
    if int(match[2]) >= len(examples):
        raise click.UsageError(
            f"The test set has {len(examples):,} images of class {match[1]}: the first is {match[1]}.0."
        )
    return to_float(images[examples[int(match[2])]][None])


def _take_out(ctx: click.Context, param: click.Parameter, out: Path) -> Path:
    if out.suffix.lower() not in _FORMATS:
        raise click.BadParameter(
            f"the file has to end in {', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}", ctx, param
        )
    return out


@click.command("figure")
@click.argument("view", type=click.Choice(list(_VIEWS), case_sensitive=False))
@click.option(
    "--model",
    "files",
    multiple=True,
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A checkpoint; give several for a curve of each.",
)
@click.option("--chart", help=f"Which chart of the view, the first unless given.  [{_CHARTS}]")
@click.option(
    "--digit", default="3.0", show_default=True, help="The test image: 7.2 is the third one of class 7."
)
@data_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    callback=_take_out,
    help="The file to write, an .svg, .png or .csv.",
)
@click.option("--width", type=click.IntRange(100, 4000), default=800, show_default=True, help="In pixels.")
@click.option("--height", type=click.IntRange(100, 4000), help="In pixels.  [default: the chart's own]")
@click.option(
    "--scale", type=click.FloatRange(0.1, 10), default=2.0, show_default=True, help="Of a PNG's pixels."
)
def figure_command(
    view: str,
    files: tuple[Path, ...],
    chart: str | None,
    digit: str,
    out: Path,
    width: int,
    height: int | None,
    scale: float,
    data: str | None,
    fit: Fit,
) -> None:
    """Draw a chart of a view, or write its values.

    For one: figure jacobian --model FILE --digit 7.2 --out spectrum.svg. SVG and PNG are drawn by Plotly in
    an installed Chrome or Chromium; CSV needs none.
    """
    shown = _VIEWS[view.lower()]
    if chart is not None and chart not in FIGURES[shown]:
        raise click.UsageError(f"{view} has no chart {chart!r}: choose {' or '.join(FIGURES[shown])}.")
    loaded = {file: load_checkpoint(file) for file in files}
    for file, checkpoint in loaded.items():
        images = data_for(file, checkpoint, data, fit)
    subjects = [Subject(_name(file, files), loaded[file], file, images) for file in files]
    drawn = draw(shown, chart, subjects, _test_picture(images, digit))
    if out.suffix.lower() == ".csv":
        content = charts_to_csv({chart or next(iter(FIGURES[shown])): drawn}).encode()
    else:
        content = _in_a_browser(drawn, out.suffix[1:].lower(), width, height, scale)
    write_whole(out, content)


def _name(file: Path, files: tuple[Path, ...]) -> str:
    """Short where that tells the files apart."""
    alike = sum(other.stem == file.stem for other in files)
    return file.stem if alike == 1 else str(file)


def _in_a_browser(figure: go.Figure, file_format: str, width: int, height: int | None, scale: float) -> bytes:
    try:
        return figure.to_image(file_format, width=width, height=height or figure.layout.height, scale=scale)
    except Exception as error:
        # Whatever keeps a browser from starting: Plotly's own messages are paragraphs.
        raise LabError(
            f"The figure could not be drawn ({type(error).__name__}): an .svg and a .png need Chrome or "
            "Chromium on this machine; a .csv needs neither."
        ) from error
