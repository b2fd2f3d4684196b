"""The table of keys: under which names the session keeps what widgets and page hold, and what a link can say.

Nothing else touches `st.session_state` and `st.query_params`. A key that only its own widget knows, and that
no link can name, stands with that widget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import streamlit as st

from ae_core.analysis import page_names
from ae_core.analysis.page_names import View
from ae_core.config import Kind

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from ae_core.ui.state import Lab

T = TypeVar("T")

Source = Literal["Ladder", "Mine", "File"]
"""Where the shown model comes from: the shipped ladder, the models trained here, or a file."""
LADDER: Source = "Ladder"
MINE: Source = "Mine"
FILE: Source = "File"


@dataclass(frozen=True)
class Key(Generic[T]):
    """A name of the session's state, and the value that stands under it."""

    name: str

    def get(self) -> T:
        """The value.

        Raises:
            KeyError: if there is none: no widget has had this key, and nothing has set it.
        """
        return st.session_state[self.name]

    def find(self) -> T | None:
        """The value, None if there is none."""
        return st.session_state.get(self.name)

    def set(self, value: T) -> None:
        """Put a value in; one that a widget shows can be set by callbacks, or before the widget is drawn."""
        st.session_state[self.name] = value

    def set_default(self, value: T) -> None:
        """Put a value in if there is none."""
        st.session_state.setdefault(self.name, value)


# What a link can say: these names stand in the address. `SAMPLE` is the only one that no widget is bound to.

KIND: Key[Kind] = Key("kind")
VIEW: Key[str] = Key("view")
SAMPLE = "sample"
"""The test digit on the canvas: "7.2" is the third example of a 7."""
OWN_SCALES: Key[bool] = Key("own_scales")
RELATIVE_SPECTRUM: Key[bool] = Key("relative_spectrum")
TANGENT: Key[int] = Key(page_names.TANGENT)
DISTANCE: Key[float] = Key(page_names.DISTANCE)
CHANGE: Key[str] = Key(page_names.CHANGE)


def weight(kind: Kind) -> Key[float]:
    """The slider's penalty weight; each kind has its own."""
    return Key(f"weight_{kind}")


def cost(kind: Kind) -> Key[str]:
    """What models are compared by, of `glossary.COSTS`."""
    return Key(f"cost_{kind}")


def compared(side: Literal["a", "b"], kind: Kind) -> Key[str]:
    """One of the two models whose difference is shown, by its label."""
    return Key(f"{side}_{kind}")


def strength(change: str) -> Key[float]:
    """How strong a change of the drawing is."""
    return Key(page_names.strength(change))


# What stays in the session.

LAB: Key[Lab] = Key("lab")
SOURCE: Key[Source] = Key("source")
TRAINED: Key[str] = Key("mine")
"""The model chosen of those trained here, by its title."""
CHECKPOINT: Key[str] = Key("file")
"""The model chosen of those from files, by its title or its file's name."""
CHECKPOINT_UPLOAD: Key[UploadedFile | None] = Key("upload")
PHOTO: Key[UploadedFile | None] = Key("photo")
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


def training(kind: Kind, field: str) -> Key[Any]:
    """A field of the form that trains a kind: "recipe", or a field of the recipe."""
    return Key(f"train_{kind}_{field}")


def prediction(experiment: int) -> Key[str | None]:
    """What is predicted for a guided experiment, by its place among them."""
    return Key(f"prediction_{experiment}")


# Elements that the page's CSS or a script finds by their keys.

UNDO = "undo"
CLEAR = "clear"
DIGITS = "digits"
PANEL = "panel_"
"""The live panels' keys begin with it."""


STARTING_WEIGHTS: dict[Kind, float] = {"contractive": 1e-4, "sparse": 5e-3}
"""Where the slider of each kind starts."""


def set_defaults() -> None:
    """Give a new session what is read before its widget is drawn."""
    SOURCE.set_default(LADDER)
    STROKE_WIDTH.set_default(22)
    DEVICE.set_default("auto")


def shown_kind() -> Kind:
    """The kind of autoencoder that the page shows and trains."""
    return KIND.get()


def set_weight(kind: Kind, penalty_weight: float) -> None:
    """Move the slider of a kind."""
    weight(kind).set(penalty_weight)


def show_view(view: View) -> None:
    """Open a view, for callbacks."""
    VIEW.set(view.value)


def settings_now(initial: Mapping[str, Any]) -> dict[str, Any]:
    """What a view's widgets say, by their keys; one that was not drawn yet says what it will say at first."""
    return {name: st.session_state.get(name, value) for name, value in initial.items()}


def set_settings(settings: Mapping[str, Any]) -> None:
    """Set a view's widgets, by their keys, for callbacks."""
    for name, value in settings.items():
        st.session_state[name] = value


def sample_in_address() -> str | None:
    """The test digit that the address names."""
    return st.query_params.get(SAMPLE)


def name_sample_in_address(sample: str | None) -> None:
    """Have the address name a test digit, or none."""
    if sample is None:
        st.query_params.pop(SAMPLE, None)
    else:
        st.query_params[SAMPLE] = sample
