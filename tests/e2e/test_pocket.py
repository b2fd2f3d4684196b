"""The pocket edition: its numbers against `ae_core`, and what a person does in it. Needs Chromium."""

import re

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.inspection import inspect
from ae_core.analysis.notation import value_text
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.config import KINDS
from ae_core.data import load_mnist, to_float
from ae_core.drawing import to_mnist
from ae_core.pocket.models import open_ladders
from ae_core.pocket.page import to_page
from tests.e2e.acts import THREE

RUNGS = [path for kind in KINDS for path in ladder_paths(kind).values()]
INSPECT = """async ([name, pixels]) => {
    const found = await lab.inspect(name, Float32Array.from(pixels));
    return { ...found, code: [...found.code], reconstruction: [...found.reconstruction],
        sensitivity: [...found.sensitivity] };
}"""
TO_MNIST = """({ width, height, rgba }) => {
    const found = lab.toMnist(new ImageData(Uint8ClampedArray.from(rgba), width, height));
    return found && [...found];
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The file with both ladders, on the disk."""
    path = tmp_path_factory.mktemp("pocket") / "lab.html"
    path.write_text(to_page(open_ladders()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def lab(visitor, address):
    """The file, opened; no script may fail, and nothing may be asked of any network."""
    return opened(visitor(), address)


def opened(context, address):
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("request", lambda request: page.complaints.append(request.url))
    page.goto(address)
    with_maps(page)
    page.complaints = [
        one for one in page.complaints if one != address and not one.startswith(("blob:", "data:"))
    ]
    return page


def with_maps(page, side="A"):
    expect(gauge(page, "jacobian", side)).to_have_text(re.compile(r"\d"))


def gauge(page, name, side="A"):
    return page.locator(f".panels.{side} .gauge.{name} b")


def halved(model):
    """The model with its weights rounded to float16."""
    model.load_state_dict({name: value.half().float() for name, value in model.state_dict().items()})
    return model


def pictures():
    x = to_float(load_mnist("test").images[[0, 30]])
    noisy = (x + 0.3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    return [x[:1], noisy[1:]]


def test_the_numbers_of_all_models_are_those_of_the_core(lab):
    assert lab.evaluate("lab.models") == [path.stem for path in RUNGS]
    for path in RUNGS:
        checkpoint = load_checkpoint(path)
        statistics = CodeStatistics.from_metrics(checkpoint.metrics)
        for x in pictures():
            found = lab.evaluate(INSPECT, [path.stem, x.flatten().tolist()])
            for model, near, near_map in ((checkpoint.model, 1e-3, 1e-2), (None, 1e-4, 1e-4)):
                seen = inspect(model or halved(load_checkpoint(path).model), x, statistics)
                what = f"{path.stem}, within {near:g}"
                print(what, np.abs(found["code"] - seen.code).max(), np.abs(seen.code).max(), np.abs(np.array(found["reconstruction"]).reshape(28, 28)- seen.reconstruction).max(),
                    np.abs(np.reshape(found["sensitivity"], (28, 28))-seen.sensitivity_map).max()/seen.sensitivity_map.max(), found["jacobianSqNorm"]/seen.jacobian_sq_norm-1, found["active"]- seen.active_count, found["hoyer"]-seen.hoyer)
