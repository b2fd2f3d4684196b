"""What a person does in the pocket edition, and what is to be seen of it."""

import base64
import re

import numpy as np
from playwright.sync_api import expect

from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.config import KINDS

RUNGS = [path for kind in KINDS for path in ladder_paths(kind).values()]
START = "contractive-0.0001"
INSPECT = """async ([name, pixels]) => {
    const found = await lab.inspect(name, Float32Array.from(pixels));
    return { ...found, code: [...found.code], reconstruction: [...found.reconstruction],
        sensitivity: [...found.sensitivity] };
}"""
ON_CANVAS = """() => {
    const canvas = document.querySelector("#canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let text = "";
    for (let place = 0; place < data.length; place += 4) text += String.fromCharCode(data[place]);
    return btoa(text);
}"""
"""Grey levels: numbers one by one take long to arrive."""
SEEN = """() => {
    const { data } = document.querySelector("#seen").getContext("2d").getImageData(0, 0, 28, 28);
    return [...data].filter((_, place) => place % 4 === 0);
}"""
RGB = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [canvas.height, canvas.width, [...data]];
}"""
PICTURES = """() => [...document.querySelectorAll("canvas")]
    .filter(canvas => canvas.id !== "seen" && canvas.checkVisibility()).map(canvas => canvas.toDataURL())"""
"""What is painted on every canvas in sight."""


def opened(context, file):
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    page.on("request", lambda request: note_request(page, request.url))
    page.goto(file.as_uri())
    with_maps(page)
    return page


def note_request(page, url):
    if not url.startswith(("file:", "blob:", "data:")):
        page.complaints.append(url)


def gauge(page, name, side="A"):
    return page.locator(f".panels.{side} .gauge.{name} b")


def with_maps(page, side="A"):
    expect(gauge(page, "jacobian", side)).to_have_text(re.compile(r"\d"))


def draw(page, points, up=True):
    box = page.locator("#canvas").bounding_box()
    scale = box["width"] / 280
    for index, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + scale * x, box["y"] + scale * y, steps=5 if index else 1)
        if index == 0:
            page.mouse.down()
    if up:
        page.mouse.up()


def at_rest(page):
    """Wait until no picture changes any more; returns them."""
    before = None
    while before != (before := page.evaluate(PICTURES)):
        page.wait_for_timeout(250)
    return before


def seen(page):
    """What the models see, in grey levels."""
    page.evaluate("() => new Promise(requestAnimationFrame)")
    return np.array(page.evaluate(SEEN))


def painted(page, name):
    """What is painted on a panel of A: uint8 RGBA, shape (rows, columns, 4)."""
    height, width, values = page.locator(f".panels.A .panel-{name} canvas").evaluate(RGB)
    return np.array(values).reshape(height, width, 4)


def on_canvas(page):
    """What is drawn, in grey levels: shape (280, 280)."""
    return np.frombuffer(base64.b64decode(page.evaluate(ON_CANVAS)), np.uint8).reshape(280, 280)


def halved(path):
    """A shipped model with its weights rounded to float16."""
    model = load_checkpoint(path).model
    model.load_state_dict({name: value.half().float() for name, value in model.state_dict().items()})
    return model
