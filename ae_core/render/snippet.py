"""The values of a view as a few lines of Python on the lab's functions: what a notebook starts from."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ae_core.analysis.page_names import View

if TYPE_CHECKING:
    from ae_core.config import Kind

_TEMPLATES = Path(__file__).parent / "snippets"
_LINE = 90
_OF_THE_CLEAN_DRAWING = (View.ROBUSTNESS,)
_SAYS_NOTHING = (View.TRAIN, View.LEARN)


@dataclass(frozen=True)
class Scene:
    """What the page shows, as far as the values of its views depend on it."""

    kind: Kind
    file_name: str
    """The model's: in the lab's library, or as its download is called."""
    is_kept: bool
    """Whether it lies in the library; else it has to be downloaded first."""
    picture: np.ndarray | None
    """The drawing without noise, float32, shape (28, 28); None: there is none."""
    noise: float
    """Its standard deviation, 0 for none."""
    noise_draw: int
    """The seed of the noise."""
    change: tuple[str, float]
    """What Robustness does to the drawing, and how strongly."""


def snippet_of(view: View, scene: Scene) -> str | None:
    """A program that computes what a view says of the model and the drawing, as `values`, and prints it.

    Returns:
        None for a view that says nothing of them, or only of a drawing where there is none.
    """
    needs_drawing = not (view is View.MISTAKES and scene.kind == "sparse")
    if view in _SAYS_NOTHING or (needs_drawing and scene.picture is None):
        return None
    if not needs_drawing:
        # The penalty's formulas are measured on test images.
        scene = Scene(scene.kind, scene.file_name, scene.is_kept, None, 0.0, 0, scene.change)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{view.value.lower()}.py.jinja").render(
        scene=scene, packed=_packed(scene.picture), uses_noise=view not in _OF_THE_CLEAN_DRAWING
    )


def _packed(picture: np.ndarray | None) -> list[str]:
    if picture is None:
        return []
    return wrap(base64.b64encode(zlib.compress(picture.astype("<f4").tobytes(), 9)).decode(), _LINE)
