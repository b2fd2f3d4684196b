"""The real app.py in Streamlit's own test harness, with pictures put onto its canvas."""

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from ae_core.analysis.evaluation import measure_without_jacobians
from ae_core.data import MNIST, Mnist, load_mnist
from ae_core.training.job import Job
from ae_core.ui import shown, slow_work

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture
def page():
    """The page as a new visitor has it."""
    return AppTest.from_file(str(APP), default_timeout=60).run()


def clear(page):
    """An empty canvas: a new page has a digit on it."""
    page.button(key="clear").click()
    return page.run()


def put_on_canvas(page, pixels):
    """What the browser sends after a stroke: the canvas as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGBA").save(buffer, format="PNG")
    url = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    page.session_state["canvas"] = {
        "drawing": {"raw": {"objects": [{"type": "Path", "path": url}]}, "data": url},
        "backgroundFit": None,
    }
    return page.run()


def enlarged_digit(index):
    """A test image, ten canvas pixels for each of its own."""
    return np.kron(load_mnist("test").images[index, 0].numpy(), np.ones((10, 10), dtype=np.uint8))


def values_on(page):
    """All names and values of the page, as texts; of what both sides have, those of A."""
    cells = {}
    for element in page.main.get("html"):
        body = element.proto.body
        for name, value in (
            *re.findall(r"<span>([^<]*)</span><b>([^<]*)</b>", body),
            *re.findall(r"data-tip=\"[^\"]*\">([^<]*)</span></span><b>([^<]*)</b>", body),
            *re.findall(r"<th scope='row'>([^<]*)</th><td>([^<]*)</td>", body),
        ):
            cells.setdefault(name, value)
    return cells


def bodies(page):
    """The page's own HTML, from top to bottom."""
    return [element.proto.body for element in page.main.get("html")]


def texts(elements):
    return [element.value for element in elements]


def choose_kind(page, kind):
    page.button_group(key="kind").set_value(kind)
    return page.run()


def show_view(page, view):
    page.session_state["view"] = view
    return page.run()


def slide(page, key, value):
    """Move a slider that the panels follow at once, and let it rest until the whole page has."""
    (slider,) = (each for each in (*page.select_slider, *page.slider) if each.key == key)
    slider.set_value(value)
    # A browser tells of all its controls each time, also where the first answer is not about them.
    told = page._tree.get_widget_states()
    return page._run(told)._run(told)


def after_slow_work(page):
    """The page once what it works out in another thread is done."""
    slow_work.pool.submit(lambda: None).result(60)
    return page.run()


def open_more(page):
    """Open the menu with the downloads and the models of one's own."""
    page.session_state["more"] = True
    return page.run()


def told_late(page, key, run):
    """Run the page once more, with a control of before `run` that the browser has not taken away yet."""
    (late,) = [one for one in page._tree.get_widget_states().widgets if one.id.endswith(f"-{key}")]
    page = run(page)
    states = page._tree.get_widget_states()
    assert all(one.id != late.id for one in states.widgets), "it is gone"
    states.widgets.append(late)
    return page._run(states)


def upload(page, name, content):
    """Load a checkpoint from a file, as A."""
    page = open_more(page)
    page.file_uploader(key="upload").upload(name, content)
    return page.run()


def models_in_sight(page):
    """What the gauges say whose values they are, A's first."""
    return re.findall(r"<h3 class='panel-title'>([AB]: [^<]*)</h3>", " ".join(bodies(page)))


def gauges(page):
    (panel,) = re.findall("panel panel-values.*", "".join(bodies(page)))
    return panel


def train_on(page, **fields):
    page = show_view(page, "Train")
    for name, value in fields.items():
        page.number_input(key=f"train_{page.session_state['kind']}_{name}").set_value(value)
    page.button(key="train").click()
    page = page.run()
    assert not page.exception
    for run in page.session_state["lab"].runs:
        run.wait(60)
    # One look collects the model, the rerun that it asks for lists it.
    return page.run()


def decoded(values):
    """Plotly sends arrays as base64 with a type."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]))
    return np.array(values)


@pytest.fixture
def small_mnist(monkeypatch):
    """Trainings on the page take a second: a few hundred images instead of 60,000."""

    def load(split):
        images, labels = load_mnist(split)
        return Mnist(images[:600], labels[:600]) if split == "train" else Mnist(images[:40], labels[:40])

    few, begin = replace(MNIST, load=load), Job.__init__

    def on_few_images(self, *arguments, data=MNIST, **options):
        begin(self, *arguments, data=few if data.is_mnist else data, **options)

    monkeypatch.setattr(Job, "__init__", on_few_images)


@pytest.fixture
def few_measured(monkeypatch):
    """Models from files are measured on 200 test images instead of 10,000, which takes seconds."""
    monkeypatch.setattr(
        shown,
        "measure_without_jacobians",
        lambda model, images: measure_without_jacobians(model, images[:200]),
    )
