"""What the page remembers between two runs of its script, and the work done once per process."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import plotly.graph_objects as go
import streamlit as st
import torch
from torch import Tensor

from ae_core.analysis.atlas import Atlas
from ae_core.analysis.corruption import add_noise
from ae_core.analysis.inspection import inspect
from ae_core.analysis.probe import Probe
from ae_core.config import KINDS, Kind, ModelConfig
from ae_core.data import IMAGE_SIZE, MNIST, DataSet
from ae_core.model import seeded_autoencoder
from ae_core.sweep.table import SweepPoint
from ae_core.training.background import TrainingRun
from ae_core.training.background_work import BackgroundWork
from ae_core.training.camera import Camera
from ae_core.training.observer import Observation
from ae_core.ui import keys
from ae_core.ui.canvas_states import Frame, Placed, Stroke
from ae_core.ui.figure_settings import FigureSettings
from ae_core.ui.following import Following
from ae_core.ui.heaps import share_heaps
from ae_core.ui.keys import Side
from ae_core.ui.shelf import Shelf, new_token
from ae_core.ui.shown import Shown
from ae_core.ui.sight import Sight

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


@dataclass(frozen=True)
class Selection:
    """Which model of a kind a side shows."""

    model: str
    """`LADDER`, or the name under which a model that was trained or loaded is listed."""
    weight: float
    """The penalty weight on the ladder, also while another model is shown."""


@dataclass
class Lab:
    """The part of a session that no widget holds."""

    runs: list[TrainingRun] = field(default_factory=list)
    """The runs at work or that ended last: one, or one for each rung of a ladder."""
    collected: set[TrainingRun] = field(default_factory=set)
    """Those of the runs that have ended and whose models, if they left any, are among `models`."""
    titles: dict[TrainingRun, str] = field(default_factory=dict)
    """Under which each of the runs, and later its model, is listed."""
    live: dict[str, Shown] = field(default_factory=dict)
    """The newest weights of runs that are shown while they train, by title."""
    films: dict[str, Camera] = field(default_factory=dict)
    """Of the runs of this session, by the titles of their models."""
    observations: dict[str, tuple[Observation, ...]] = field(default_factory=dict)
    """What the models trained here did to test images while they were trained, by title."""
    wound: dict[tuple[str, int], Shown] = field(default_factory=dict)
    """Models as they were at the steps that were shown last, by title and step."""
    models: dict[str, Shown] = field(default_factory=dict)
    """Models trained here, by title."""
    uploaded: dict[str, Shown] = field(default_factory=dict)
    """Models uploaded here, by title."""
    saved_as: str | None = None
    """The file into which a model was saved last."""
    save_problem: str | None = None
    """A sentence on why it was not saved."""
    upload_problem: str | None = None
    """A sentence on what is wrong with the file uploaded last."""
    files_taken: set[str] = field(default_factory=set)
    """The uploads that were read, by Streamlit's numbers of them."""
    strokes: list[Stroke] = field(default_factory=list)
    """The canvas after each stroke, for undo."""
    examples_placed: dict[int, int] = field(default_factory=dict)
    """How many examples of each test digit were placed."""
    placed: dict[str, Any] | None = None
    """The drawing last put onto the canvas by a button rather than a pen."""
    placed_by_shapes: dict[str, Placed] = field(default_factory=dict)
    """What was put onto the canvas, by the shapes of its drawing."""
    canvas_taken: str | None = None
    """What the canvas said when the page last asked it, as a PNG's address."""
    canvas_shapes: str = ""
    """Tells the drawing that was taken last from others."""
    canvas_outdated: set[str] = field(default_factory=set)
    """Likewise those that were replaced here since the browser last told of one that was none of them."""
    canvas_told: int = 0
    """How often that was something new."""
    frame: Frame | None = None
    """The newest frame of a stroke that is not finished."""
    noise_draw: int = 0
    """Which draw of noise is shown: shaking goes on to the next."""
    selections: dict[tuple[Side, Kind], Selection] = field(default_factory=dict)
    """Which models are shown, as far as somebody chose them."""
    comparing: bool = False
    """Whether B is shown beside A."""
    unit: int | None = None
    """The code unit that the Units view shows first; None: the strongest of the drawing."""
    address: dict[str, str] | None = None
    """What the address says of the page, as far as the page knows; None until a page that follows it is
    drawn."""
    photo_problem: str | None = None
    """A sentence on what is wrong with the picture uploaded last."""
    photo_warning: str | None = None
    """A sentence on why that picture, though placed, may not be one digit."""
    sweep: list[SweepPoint] = field(default_factory=list)
    """The points of the sweep's table uploaded last."""
    sweep_problem: str | None = None
    """A sentence on what is wrong with that table."""
    charts: dict[str, go.Figure] = field(default_factory=dict)
    """The charts of the open view, by their keys."""
    figure_settings: FigureSettings = field(default_factory=FigureSettings)
    """As what charts are saved."""
    training_problem: str | None = None
    """A sentence on why a training cannot start or go on, or cannot be kept."""
    problem: str | None = None
    """A sentence on what went wrong when a button was pressed or a file chosen last."""
    page_stale: bool = False
    """Whether a callback has been called since the whole page was drawn."""
    rest_stale: bool = False
    """Whether one was after which the live part alone was drawn."""
    experiment: int | None = None
    """The guided experiment that the page is set up for, as its place among them."""
    probe_runs: dict[int, BackgroundWork[Probe]] = field(default_factory=dict)
    """Probes measured here or being measured, by the model's number."""
    atlas_runs: dict[int, BackgroundWork[Atlas]] = field(default_factory=dict)
    """Likewise the maps of codes."""
    map_goal: int | None = None
    """The test digit that was chosen on the map: the way to it is shown."""
    cell: tuple[int, int] | None = None
    """Of the confusions: which digit, taken for which, is looked at."""
    units_set: dict[int, dict[int, float]] = field(default_factory=dict)
    """The activations to which code units are set in the Units view, by the model's number and the unit."""
    unit_on_slider: tuple[int, int, float] | None = None
    """The model, the unit and the activation that the slider shows there."""
    unit_typed: int | None = None
    """The unit whose number was typed last."""

    data: DataSet = MNIST
    """The set of images that the page shows, trains on and measures on."""
    own_sets: dict[str, DataSet] = field(default_factory=dict)
    """The sets that were uploaded or opened here, by what the list calls them."""
    form_classes: tuple[str, ...] = MNIST.classes
    """The classes that the form that trains offers: those of the set that it was drawn for last."""
    data_problem: str | None = None
    """A sentence on why a set cannot be had."""
    measured_here: dict[int, Shown] = field(default_factory=dict)
    """Models of other sets with their values on this one, by the numbers that they have on their own."""

    token: str = field(default_factory=new_token)
    """By which the browser finds this lab again after a reload."""
    has_returned: bool = False
    """Whether its visitor has just come back, and the address is followed once more."""
    unknown_token: str | None = None
    """The token that the browser had kept, if nothing lies under it any more."""
    is_lost_told: bool = True
    """Whether its visitor was told so."""

    sight: Sight | None = None
    """What the models see now."""
    noise_shown: tuple[float, int] = (0.0, 0)
    """The noise on it, and which draw."""
    following: Following | None = None
    """The parts of the page that follow a stroke at work and sliders that are held."""
    moved: dict[str, float] = field(default_factory=dict)
    """Where sliders stand that are held, as `Positions`: the page hears of one when it is let go."""
    let_go: int = 0
    """How often one was."""
    runs_scripts: bool = False
    """Whether the browser is known to run the page's own scripts: one of them has asked for something."""

    def see(self, noise: float) -> Sight | None:
        """What the models see: the stroke at work or the drawing, with noise; None while there is neither."""
        clean = self.picture if self.frame is None else self.frame.picture
        if clean is None:
            return None
        old = self.sight
        if old is not None and old.clean is clean and self.noise_shown == (noise, self.noise_draw):
            return old
        self.noise_shown = (noise, self.noise_draw)
        generator = torch.Generator().manual_seed(self.noise_draw)
        self.sight = Sight(clean, clean if noise == 0 else add_noise(clean, noise, generator))
        return self.sight

    def was_taken(self, file: UploadedFile | None) -> bool:
        """Whether an upload is told of once more; the first time it is noted.

        The browser tells of a file until it has taken the field away, and that calls the callback anew.
        """
        if file is None:
            return False
        known = file.file_id in self.files_taken
        self.files_taken.add(file.file_id)
        return known

    def in_training(self, title: str) -> TrainingRun | None:
        """The run that is listed under a title and has no model yet."""
        if title in self.models:
            return None
        return next((run for run, known in self.titles.items() if known == title), None)

    @property
    def running(self) -> bool:
        """Whether one of the runs goes on."""
        return any(run.snapshot().running for run in self.runs)

    @property
    def picture(self) -> Tensor | None:
        """What the model sees, shape (1, 1, 28, 28); None while the canvas is blank."""
        return self.strokes[-1].picture if self.strokes else None


_open: WeakValueDictionary[str, Lab] = WeakValueDictionary()


class _Lease:
    """Notices that a session's page went away: Streamlit has no other sign of it."""

    lab: Lab | None = None

    def release(self) -> None:
        if self.lab is None:
            return
        for run in self.lab.runs:
            run.orphan()
        shelf().put(self.lab.token, self.lab)


@st.cache_resource(show_spinner=False)
def shelf() -> Shelf[Lab]:
    """The process's one shelf of labs whose visitors went away."""
    return Shelf()


@st.cache_resource(scope="session", on_release=lambda lease: lease.release(), show_spinner=False)
def _lease() -> _Lease:
    return _Lease()


def initialise() -> None:
    """Give every key its default, and take back a lab whose page was away for a moment."""
    keys.set_defaults()
    if keys.LAB.find() is None:
        keys.LAB.set(Lab())
    lease = _lease()
    if lease.lab is not lab():
        # New, or come back after a short loss of the connection: then the lab lies on the shelf.
        shelf().take(lab().token)
        lease.lab = lab()
    _open[lab().token] = lab()
    for run in lab().runs:
        run.adopt()


def find_lab(token: str) -> Lab | None:
    """The lab of this token whose page is open, or was until lately; for requests outside of any session."""
    return _open.get(token)


def lab() -> Lab:
    """This session's lab."""
    return keys.LAB.get()


def compute_on_one_core() -> None:
    """Have this script's thread compute alone: it needs little, and the browser wants a core too.

    Several threads wait for each other as soon as one has to share its core: measured beside a
    drawing browser on two cores, the live panels take 150 ms with two threads and 30 ms with one.
    """
    torch.set_num_threads(1)


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Once per process, after the heavy imports: share the heaps, run both models once, freeze what stays.

    PyTorch sets up its kernels in a first pass, which the first stroke would wait for. And a full collection
    of garbage takes 0.2 s with torch imported, unless the imports' objects are out of the collector's sight.
    """
    # Streamlit looks for tables in what a canvas is given, and imports pandas to know one.
    import pandas  # noqa: F401
    import streamlit_drawable_canvas  # noqa: F401

    share_heaps()
    for each in KINDS:
        inspect(seeded_autoencoder(ModelConfig(each), 0), torch.zeros(1, 1, IMAGE_SIZE, IMAGE_SIZE))
    gc.collect()
    gc.freeze()
