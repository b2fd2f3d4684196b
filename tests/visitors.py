"""Who visits the page in the soak: sessions that draw, slide and check what their pages show."""

import asyncio
import base64
import hashlib
import io
import itertools
import json
import random
import re
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass

import numpy as np
import plotly.io
from PIL import Image, ImageDraw

from ae_core.analysis.notation import power_notation
from ae_core.config import LADDERS
from ae_core.drawing import to_mnist
from ae_core.drawing.photo import SIDE
from ae_core.render.maps import CELL_PIXELS, data_url, grey_picture, to_png
from tests.client import canvas_state

_WEIGHTS = LADDERS["contractive"]
_STARTING_RUNG = _WEIGHTS.index(1e-4)
_SLIDES = ("slide",) * 3
_DEEDS = tuple(
    deed for other in ("stroke", "digit", "stroke", "undo", "undo", "undo") for deed in (other, *_SLIDES)
)
"""The round that every visitor goes; it ends at the drawing with which it began."""
_PANELS = tuple(f"panel_{title}_0" for title in ("Reconstruction", "Code", "Jacobian"))


class Ledger:
    """What every drawing was seen to look like, to hold whatever is seen later against it.

    A drawing is named by what was drawn; strokes carry their visitor's number, and no two are alike. So a
    part of the page that belongs to a drawing, or to a drawing at a penalty weight, looks always the same
    and like no other's.
    """

    def __init__(self):
        self._looks = {}
        self._owners = {}

    def mistake(self, part, owner, content):
        """A sentence on what is wrong with the content of a part of the page, or None."""
        look = hashlib.sha256(content).digest()
        usual = self._looks.setdefault((part, owner), look)
        known = self._owners.setdefault((part, look), owner)
        if known != owner:
            return f"{part} of {owner} is what {known} looks like"
        if usual != look:
            return f"{part} of {owner} is not what it was before"
        return None


class Visitor:
    """One session, and what it itself knows to have drawn and chosen there."""

    def __init__(self, number, address, session, ledger):
        self.number = number
        self.session = session
        self.answered = Counter()
        self._address = address
        self._ledger = ledger
        self._pictures = {}
        """Those of the page that are no part of its messages, by their addresses."""
        self._rung, self._direction = _STARTING_RUNG, 1
        self._drawings = [Drawing((), ())]
        """The canvas after each step that undo would take back."""
        self._strokes = 0
        self._examples = Counter()
        # Not all visitors draw at the same time.
        self._deeds = itertools.chain(("slide",) * (number % 4), itertools.cycle(_DEEDS))

    async def arrive(self):
        """A first drawing, so that every later act changes all three panels."""
        await self._stroke()
        await self._at_rest()

    async def act(self):
        """Do the next thing.

        Returns:
            What was done, and the seconds until all three panels had changed.

        Raises:
            UnansweredError: if they never do.
        """
        deed = next(self._deeds)
        before = [self._look(key) for key in _PANELS]
        started = time.perf_counter()
        await getattr(self, f"_{deed}")()
        await self.session.until(
            lambda: all(self._look(key) != old for key, old in zip(_PANELS, before, strict=True)),
            f"the answer to a {deed}",
        )
        taken = time.perf_counter() - started
        self.answered[deed] += 1
        await self._at_rest()
        return deed, taken

    async def mistakes(self):
        """Sentences on whatever this page shows that does not belong to its own drawing and slider."""
        drawing, weight = self._drawings[-1], power_notation(_WEIGHTS[self._rung])
        owner = (drawing.names, weight)
        looks = {key: self._look(key) for key in _PANELS}
        looks["view"] = self._look("view") + await self._pictures_of("view")
        found = [self._ledger.mistake(part, owner, look) for part, look in looks.items()]
        found.append(self._wrong_title(weight))
        found.append(self._wrong_picture(drawing))
        return [mistake for mistake in found if mistake is not None]

    def _look(self, key):
        """All that was sent for a part of the page."""
        return b"".join(
            element.SerializeToString(deterministic=True) for element in self.session.elements(key)
        )

    async def _pictures_of(self, key):
        """The pictures that a browser would fetch for a part of the page, each once."""
        wanted = [image.url for element in self.session.elements(key) for image in element.imgs.imgs]
        for url in set(wanted) - set(self._pictures):
            self._pictures[url] = await asyncio.to_thread(_fetched, self._address + url)
        return b"".join(self._pictures[url] for url in wanted)

    def _wrong_title(self, weight):
        titles = [element.markdown.body for element in self.session.elements()]
        shown = [title for title in titles if re.fullmatch(r"\*\*.* penalty weight .*\*\*", title)]
        if any(title.endswith(f" penalty weight {weight}**") for title in shown):
            return None
        return f"the slider is at {weight}, and the page shows {shown}"

    def _wrong_picture(self, drawing):
        (seen,) = re.findall(
            r"src='([^']*)' alt='The drawing as the model sees it",
            "".join(element.html.body for element in self.session.elements()),
        )
        expected = grey_picture(to_mnist(drawing.canvas)[0, 0].numpy(), CELL_PIXELS)
        if np.array_equal(_picture(seen).convert("L"), expected):
            return None
        return f"what the model sees is not {drawing.names}, which is on the canvas"

    async def _at_rest(self):
        await self.session.until(lambda: self.session.at_rest, "the end of an answer")

    async def _slide(self):
        """One stop, to and fro over the whole ladder."""
        if not 0 <= self._rung + self._direction < len(_WEIGHTS):
            self._direction *= -1
        self._rung += self._direction
        stop = f"{_WEIGHTS[self._rung]:g}"
        await self.session.change("weight_contractive", string_array_value={"data": [stop]})

    async def _stroke(self):
        """A line through all four quarters of the canvas, like no other visitor's and no earlier one."""
        self._strokes += 1
        name = f"stroke {self._strokes} of visitor {self.number}"
        chance = random.Random(name)
        corners = [(x, y) for x in (30, 150) for y in (30, 150)]
        chance.shuffle(corners)
        points = [(x + chance.randrange(100), y + chance.randrange(100)) for x, y in corners]
        self._drawings.append(self._drawings[-1].with_stroke(name, points))
        await self._report()

    async def _digit(self):
        """A test digit; visitors that place the same one have to see the same."""
        digit = (self.number + self._strokes) % 10
        name = f"digit {digit}.{self._examples[digit]}"
        self._examples[digit] += 1
        placed = await self._placed_by(f"digit_{digit}")
        self._drawings.append(Drawing((name,), tuple(placed)))
        await self._report()

    async def _undo(self):
        self._drawings.pop()
        await self._placed_by("undo")
        await self._report()

    async def _placed_by(self, button):
        """Click a button; the shapes that it puts onto the canvas."""
        before = self.session.widget("canvas").json
        await self.session.change(button, trigger_value=True)
        await self.session.until(
            lambda: self.session.widget("canvas").json != before, f"what {button} puts onto the canvas"
        )
        return json.loads(self.session.widget("canvas").json)["initialDrawing"]["objects"]

    async def _report(self):
        """Tell the server what lies on the canvas, as the canvas itself does."""
        drawing = self._drawings[-1]
        state = canvas_state(drawing.shapes, data_url(to_png(drawing.canvas)))
        await self.session.change("canvas", **state)


@dataclass(frozen=True)
class Drawing:
    """What lies on a canvas."""

    names: tuple
    """Of the strokes and test digits."""
    shapes: tuple
    """As the canvas describes them."""

    def with_stroke(self, name, points):
        """The same, with one stroke more."""
        path = [["M" if not index else "L", *point] for index, point in enumerate(points)]
        return Drawing((*self.names, name), (*self.shapes, {"type": "Path", "path": path}))

    @property
    def canvas(self):
        """The canvas as a picture: shape (280, 280, 4), uint8."""
        canvas = Image.new("RGBA", (SIDE, SIDE), "black")
        pen = ImageDraw.Draw(canvas)
        for shape in self.shapes:
            if "src" in shape:
                canvas.paste(_picture(shape["src"]))
            else:
                points = [(x, y) for _, x, y in shape["path"]]
                pen.line(points, "white", width=22, joint="curve")
        return np.asarray(canvas)


def _picture(address):
    """The picture whose address holds it."""
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


def _fetched(address):
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read()


class Trainer(Visitor):
    """The session that trains; its drawing and its slider stay."""

    async def train_for_long(self):
        """Start a run that outlasts everything here."""
        await self.session.change("train_contractive_epochs", int_value=1000)
        await self._at_rest()
        await self.session.change("train", trigger_value=True)
        await self.further(0)

    async def further(self, step):
        """Wait until the training is past this step.

        Returns:
            The newest step.
        """
        await self.session.until(lambda: self._newest_step() > step, f"a training step after {step:,}")
        return self._newest_step()

    def _newest_step(self):
        curves = [
            element.plotly_chart.spec
            for element in self.session.elements()
            if element.plotly_chart.id.endswith("-loss_curve")
        ]
        return max((int(plotly.io.from_json(curve).data[0].x[-1]) for curve in curves), default=0)
