"""Who visits the page in the soak: sessions that draw, slide and check what their pages show."""

import asyncio
import hashlib
import itertools
import json
import random
import re
import time
from collections import Counter

import numpy as np
from PIL import Image

from ae_core.analysis.notation import power_notation
from ae_core.config import LADDERS
from ae_core.drawing import to_mnist
from ae_core.render.maps import data_url, grey_picture, to_png
from tests.client import canvas_state
from tests.drawings import Drawing, part_of, picture_of

_WEIGHTS = LADDERS["contractive"]
_STARTING_RUNG = _WEIGHTS.index(1e-4)
_SLIDES = ("slide",) * 3
_DEEDS = tuple(
    deed for other in ("stroke", "digit", "stroke", "undo", "undo", "undo") for deed in (other, *_SLIDES)
)
"""The round that every visitor goes; it ends at the drawing with which it began."""
_PANELS = ("reconstruction", "error", "code", "sensitivity", "values")
_STRIP = "all penalties"
_STROKE_SECONDS = 1.0
_FOLLOWED = 0.8
"""The share of a stroke up to which frames are sent one by one: its end still changes what is seen."""
_FRAME_SIDE, _CANVAS_SIDE = 140, 280
_SCREEN_SECONDS = 1 / 60
_QUICK_SECONDS, _LONGEST_PAUSE_SECONDS = 0.15, 1.0
"""The pen's script waits as long as an answer took, less the first, and at most the second."""


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

    def __init__(self, number, session, ledger):
        self.number = number
        self.session = session
        self.answered = Counter()
        self.followed = []
        """Seconds from each frame of a stroke at work to panels that show it."""
        self._ledger = ledger
        self._misled = []
        """Sentences on answers to the pen that were another drawing's."""
        self._rung, self._direction = _STARTING_RUNG, 1
        self._drawings = [Drawing((), ())]
        """The canvas after each step that undo would take back."""
        self._strokes = 0
        self._examples = Counter()
        # Not all visitors draw at the same time.
        self._deeds = itertools.chain(("slide",) * (number % 4), itertools.cycle(_DEEDS))

    async def arrive(self):
        """A first drawing in place of the page's own, so that every later act changes all panels."""
        await self._placed_by("clear")
        await self._report(Drawing((), ()))
        await self._at_rest()
        await self._stroke()
        await self._at_rest()

    async def act(self):
        """Do the next thing.

        Returns:
            What was done, and the seconds until all panels had changed; of a stroke since its end.

        Raises:
            UnansweredError: if they never do.
        """
        deed = next(self._deeds)
        taken = await getattr(self, f"_{deed}")()
        self.answered[deed] += 1
        await self._at_rest()
        return deed, taken

    async def _until_changed(self, before, what):
        """Wait until all panels differ from what they were; returns when they do."""
        await self.session.until(
            lambda: all(now != old for now, old in zip(self._panels(), before, strict=True)), what
        )
        return time.perf_counter()

    def _panels(self):
        return [self._look(part) for part in _PANELS]

    async def mistakes(self):
        """Sentences on whatever this page shows that does not belong to its own drawing and slider."""
        drawing, weight = self._drawings[-1], power_notation(_WEIGHTS[self._rung])
        owner = (drawing.names, weight)
        looks = {part: self._look(part) for part in (*_PANELS, _STRIP)}
        found = [self._ledger.mistake(part, owner, look.encode()) for part, look in looks.items()]
        found.append(self._wrong_title(weight))
        found.append(self._wrong_picture(drawing))
        found += self._misled
        self._misled.clear()
        return [mistake for mistake in found if mistake is not None]

    def _look(self, part):
        """The HTML of a part of the page: of a panel of A, or the strip of all penalties."""
        section = "all-penalties" if part == _STRIP else "panels A"
        (found,) = re.findall(f"<section class='{section}.*?</section>", self._html(), re.DOTALL)
        if part == _STRIP:
            return found
        panels = re.split(r"<div class='panel panel-([a-z]+)[^']*'>", found)
        return dict(zip(panels[1::2], panels[2::2], strict=True))[part]

    def _wrong_title(self, weight):
        (shown,) = re.findall(r"<h3 class='panel-title'>A: (.*?)</h3>", self._look("values"))
        return None if shown == f"λ = {weight}" else f"the slider is at {weight}, and the page shows {shown}"

    def _wrong_picture(self, drawing):
        if _shows(self._html(), drawing.canvas):
            return None
        return f"what the models see is not {drawing.names}, which is on the canvas"

    def _html(self):
        return "".join(element.html.body for element in self.session.elements())

    async def _at_rest(self):
        await self.session.until(lambda: self.session.at_rest, "the end of an answer")

    async def _slide(self):
        """One stop, to and fro over the whole ladder."""
        before, started = self._panels(), time.perf_counter()
        if not 0 <= self._rung + self._direction < len(_WEIGHTS):
            self._direction *= -1
        self._rung += self._direction
        stop = power_notation(_WEIGHTS[self._rung])
        held = asyncio.create_task(self._hold(stop))
        await self.session.change("weight_A_contractive", string_array_value={"data": [stop]})
        drawn = await self._until_changed(before, "the answer to a slide")
        return min(await held, drawn) - started

    async def _hold(self, stop):
        """Ask for the panels of a stop, as the page's script does of a held slider; when they came."""
        pen = json.loads(self.session.widget("pen").json)
        moved = json.dumps({"A": self._rung, "noise": 0})
        lines = await self.session.post(
            "frame", b"", X_Lab_Token=pen["token"], X_Moved=moved, X_Let_Go=pen["letGo"]
        )
        answered = time.perf_counter()
        panels = json.loads(lines[0])[".panels.A"] if lines else ""
        if f"A: λ = {stop}<" not in panels:
            self._misled.append(f"what is shown while the slider is held at {stop} is of another model")
        return answered

    async def _stroke(self):
        """A line through all four quarters of the canvas, like no other visitor's and no earlier one."""
        self._strokes += 1
        name = f"stroke {self._strokes} of visitor {self.number}"
        chance = random.Random(name)
        corners = [(x, y) for x in (30, 150) for y in (30, 150)]
        chance.shuffle(corners)
        points = [(x + chance.randrange(100), y + chance.randrange(100)) for x, y in corners]
        below = self._drawings[-1]
        self._drawings.append(below.with_stroke(name, points))
        await self._follow(below, points)
        before, ended = self._panels(), time.perf_counter()
        # The last frame is still on its way when the canvas tells of the stroke.
        last = asyncio.create_task(self._send_frame(self._drawings[-1], _CANVAS_SIDE))
        await self._report()
        changed = await self._until_changed(before, "the answer to a finished stroke")
        await last
        return changed - ended

    async def _follow(self, below, points):
        """Send frames while the stroke is drawn, one at a time and with pauses, as the pen's script does."""
        started = time.perf_counter()
        while (share := (time.perf_counter() - started) / _STROKE_SECONDS) < _FOLLOWED:
            sent = time.perf_counter()
            await self._send_frame(below.with_stroke("at work", part_of(points, share)))
            taken = time.perf_counter() - sent
            self.followed.append(taken)
            late = min(_LONGEST_PAUSE_SECONDS, max(0.0, taken - _QUICK_SECONDS))
            await asyncio.sleep(max(late, _SCREEN_SECONDS))

    async def _send_frame(self, drawing, side=_FRAME_SIDE):
        """Ask what becomes of what is on the canvas before the stroke is finished."""
        seen = np.asarray(Image.fromarray(drawing.canvas).convert("L").resize((side, side)))
        pen = json.loads(self.session.widget("pen").json)
        lines = await self.session.post(
            "frame", seen.tobytes(), X_Lab_Token=pen["token"], X_After=pen["told"]
        )
        parts = {place: html for line in lines for place, html in json.loads(line).items()}
        # None are told of a frame that meets the finished stroke.
        if parts and not _shows(parts[".corner"], seen):
            self._misled.append("what the models see of a stroke at work is not this visitor's")

    async def _digit(self):
        """A test digit; visitors that place the same one have to see the same."""
        digit = (self.number + self._strokes) % 10
        name = f"digit {digit}.{self._examples[digit]}"
        self._examples[digit] += 1
        before, started = self._panels(), time.perf_counter()
        placed = await self._placed_by(f"digit_{digit}")
        self._drawings.append(Drawing((name,), tuple(placed)))
        await self._report()
        return await self._until_changed(before, "the answer to a digit") - started

    async def _undo(self):
        before, started = self._panels(), time.perf_counter()
        self._drawings.pop()
        await self._placed_by("undo")
        await self._report()
        return await self._until_changed(before, "the answer to undo") - started

    async def _placed_by(self, button):
        """Click a button; the shapes that it puts onto the canvas."""
        before = self.session.widget("canvas").json
        await self.session.change(button, trigger_value=True)
        await self.session.until(
            lambda: self.session.widget("canvas").json != before, f"what {button} puts onto the canvas"
        )
        return json.loads(self.session.widget("canvas").json)["initialDrawing"]["objects"]

    async def _report(self, drawing=None):
        """Tell the server what lies on the canvas, as the canvas itself does."""
        drawing = drawing or self._drawings[-1]
        state = canvas_state(drawing.shapes, data_url(to_png(drawing.canvas)))
        await self.session.change("canvas", **state)


class Trainer(Visitor):
    """The session that trains; its drawing and its slider stay."""

    async def train_for_long(self):
        """Start a run that outlasts everything here."""
        await self.session.change("view", string_array_value={"data": ["Train"]})
        await self._at_rest()
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

    async def mistakes(self):
        """As of any visitor, but for the panels, which follow the model in training."""
        found = self._wrong_picture(self._drawings[-1])
        return [] if found is None else [found]

    def _newest_step(self):
        bars = [element.progress.text for element in self.session.elements() if element.HasField("progress")]
        steps = [re.search(r"step ([\d,]+):", text) for text in bars]
        return max((int(found[1].replace(",", "")) for found in steps if found), default=0)


def _shows(html, canvas):
    """Whether the models see in HTML what is on a canvas."""
    (seen,) = re.findall(r"src='([^']*)' alt='What the models see", html)
    return np.array_equal(picture_of(seen).convert("L"), grey_picture(to_mnist(canvas)[0, 0].numpy(), 28))
