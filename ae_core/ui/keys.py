"""The table of keys: under which names the session keeps what widgets and page hold, and what a link can say.

A key that only its own widget knows, and that no link can name, stands with that widget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ae_core.analysis import page_names, page_start
from ae_core.analysis.page_names import View
from ae_core.config import Kind
from ae_core.data.fitting import Fit
from ae_core.ui.session import Key, in_address

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from ae_core.ui.figure_settings import FigureFormat
    from ae_core.ui.state import Lab

Source = Literal["Ladder", "Mine", "File"]
"""Where the shown model comes from: the shipped ladder, the models trained here, or a file."""
LADDER: Source = "Ladder"
MINE: Source = "Mine"
FILE: Source = "File"


Side = Literal["A", "B"]
"""The two models that the page shows one above the other."""

# What a link can say of widgets: their keys stand in the address.

KIND: Key[Kind] = Key("kind")
VIEW: Key[str] = Key("view")
NOISE: Key[float] = Key(page_names.NOISE)
"""Standard deviation of the noise on what the models see."""
OWN_SCALES: Key[bool] = Key("own_scales")
RELATIVE_SPECTRUM: Key[bool] = Key("relative_spectrum")
TANGENT: Key[int] = Key(page_names.TANGENT)
DISTANCE: Key[float] = Key(page_names.DISTANCE)
CHANGE: Key[str] = Key(page_names.CHANGE)


def cost(kind: Kind) -> Key[str]:
    """What models are compared by, of `glossary.COMPARED`."""
    return Key(f"cost_{kind}")


def up(kind: Kind) -> Key[str]:
    """What models are held against that, of `glossary.COMPARED`."""
    return Key(f"up_{kind}")


def strength(change: str) -> Key[float]:
    """How strong a change of the drawing is."""
    return Key(page_names.strength(change))


# What a link can say besides.

MODEL_IN_ADDRESS: dict[Side, str] = {"A": "a", "B": "b"}
"""The model of a side: the penalty weight of a rung, or the name of another model."""
SAMPLE = "sample"
"""The test digit on the canvas: "7.2" is the third example of a 7."""
DRAWING = "drawing"
"""The strokes on the canvas, or over the test digit, as `strokes.to_text` writes them; or `BLANK`."""
BLANK = "blank"
"""Says that the canvas is empty: an address that says nothing of it shows the digit that a new page shows."""
UNIT_IN_ADDRESS = "unit"
EXPERIMENT = "experiment"
"""A guided experiment, counted from 1, for which the page is set up."""
PRESENT = "present"
"""1: for a class, with large type and little else."""
VIEWS_IN_ADDRESS = "views"
"""While presenting: the views that can be opened, with commas between them."""

# What stays in the session.

LAB: Key[Lab] = Key("lab")
SAVE_NAME: Key[str] = Key("save_name")
"""What a trained model is to be called in `checkpoints/`."""
CHECKPOINT_UPLOAD: Key[UploadedFile | None] = Key("upload")
DATA_OPEN: Key[bool] = Key("data")
"""Whether the choice of a set is open."""
DATA: Key[str] = Key("data_set")
"""The set of images, as the list calls it."""
FIT: Key[Fit] = Key("fit")
"""How pictures of a set become 28 x 28."""
DATA_UPLOAD: Key[UploadedFile | None] = Key("data_upload")
DATA_PATH: Key[str] = Key("data_path")
PHOTO: Key[UploadedFile | None] = Key("photo")
FIGURE_FORMAT: Key[FigureFormat] = Key("figure_format")
FIGURE_WIDTH: Key[int] = Key("figure_width")
FIGURE_HEIGHT: Key[int] = Key("figure_height")
SWEEP_UPLOAD: Key[UploadedFile | None] = Key("sweep_upload")
STROKE_WIDTH: Key[int] = Key("stroke_width")
DEVICE: Key[str] = Key("device")
ANSWER: Key[bool] = Key("answer")
"""Whether the answer of the guided experiment is open."""
CANVAS: Key[dict[str, Any]] = Key("canvas")
TRADE_OFF: Key[dict[str, Any]] = Key("trade_off")
"""What is selected in the chart."""
RETURNING: Key[Any] = Key("returning")
"""The component that asks the browser for its token."""
PEN: Key[Any] = Key("pen")
"""The component that tells of the stroke at work."""
POINTING: Key[Any] = Key("pointing")
"""The component that tells what in the page's HTML was clicked."""
SHAKING: Key[bool] = Key("shaking")
"""Whether the noise is drawn anew a few times per second."""


def weight(side: Side, kind: Kind) -> Key[float]:
    """The slider over a kind's ladder."""
    return Key(f"weight_{side}_{kind}")


def model(side: Side, kind: Kind) -> Key[str]:
    """The list of a side's models: `LADDER`, or the name of one trained or loaded."""
    return Key(f"model_{side}_{kind}")


TWIN_MODEL = Key[str]("twin_model")
"""Units: the model in which the unit's twin is looked for."""
UNIT_BY_NUMBER = Key[int | None]("unit_by_number")


def unit_value(model: int, unit: int, low: float, high: float) -> Key[float]:
    """Units: the slider of a unit of a model, by the model's number; another one for each range.

    A slider whose range changes Streamlit takes for a new one, which stands at its lowest value.
    """
    return Key(f"unit_value_{model}_{unit}_{low:g}_{high:g}")


MORE_EPOCHS = Key[int]("more_epochs")
"""For how many the training that ended last is to go on."""


WOUND = Key[int]("wound_to")
"""The step to which the models are wound back while Train is open; `films.NOW`: they are not."""

STOP_BELOW = Key[float]("stop_below")
"""The test MSE below which a training is to stop; 0: none."""
STOP_PATIENCE = Key[int]("stop_patience")
"""After how many epochs without a better one; 0: never."""


def training(kind: Kind, field: str) -> Key[Any]:
    """A field of the form that trains a kind: "recipe", or a field of the recipe."""
    return Key(f"train_{kind}_{field}")


def clock(name: str) -> str:
    """The component that has a part of the page drawn again."""
    return f"clock_{name}"


def prediction(experiment: int) -> Key[str | None]:
    """What is predicted for a guided experiment, by its place among them."""
    return Key(f"prediction_{experiment}")


# Elements that the page's CSS or a script finds by their keys.

UNDO = "undo"
CLEAR = "clear"
DIGITS = "digits"
LEFT = "left"
"""The column that stays in sight."""
HEADER = "header"
CANVAS_BAR = "canvas_bar"
SHAKE = "shake"
ATLAS = "atlas"
"""The map with its marks."""
SIDES = "sides"
"""The sliders of A and B."""


def wrapping(name: str) -> str:
    """A container whose columns lie below each other where the page is narrow."""
    return f"wrapping_{name}"


GUIDE = "guide"
"""The guide through an experiment."""


def set_defaults() -> None:
    """Give a new session what is read before its widget is drawn."""
    STROKE_WIDTH.set_default(page_start.STROKE_WIDTH)
    DEVICE.set_default("auto")


def shown_kind() -> Kind:
    """The kind of autoencoder that the page shows and trains."""
    return KIND.get()


def show_view(view: View) -> None:
    """Open a view, for callbacks."""
    VIEW.set(view.value)


def presenting() -> bool:
    """Whether the page is shown to a class: large type, and only what the link names."""
    return in_address(PRESENT) == "1"


def views_in_address() -> tuple[str, ...]:
    """The views that a link names while presenting."""
    return tuple((in_address(VIEWS_IN_ADDRESS) or "").split(","))
