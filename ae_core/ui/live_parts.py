"""The parts of the page that follow pen and sliders, whatever view is open: taken from the session once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ae_core.analysis import page_start
from ae_core.analysis.page_names import NOISE
from ae_core.analysis.probe import Probe
from ae_core.config import LADDERS
from ae_core.ui import corner, keys, panels, probes, reading, shown_model
from ae_core.ui.following import Follower, Following, Positions
from ae_core.ui.keys import LADDER, Side
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.state import lab


@dataclass(frozen=True)
class LiveParts:
    """What they are made of."""

    choice: Choice
    noise: float
    ladder: Mapping[int, Shown]
    """The shipped models that are intact, by their place on the ladder."""
    places: Mapping[Side, int]
    """Of the sides whose slider moves them along it, the place where each stands."""
    scales: panels.Scales
    find_probe: Callable[[Shown], Probe | None]
    classes: Sequence[str]

    @property
    def followers(self) -> tuple[Follower, Follower, Follower]:
        """The panels, what the codes read as, and the pictures in the canvas's corner."""
        return (
            panels.follower(self.choice.sides, self.scales),
            reading.follower(self.choice.sides, self.find_probe, self.classes),
            corner.follower(self.choice.a, self.noise),
        )

    @property
    def positions(self) -> Positions:
        """Where the sliders stand."""
        return {**{str(side): place for side, place in self.places.items()}, NOISE: self.noise}

    def moved(self, positions: Positions) -> LiveParts | None:
        """The same with sliders elsewhere; None where there is no such stop, or no model at it."""
        noise = positions.get(NOISE, self.noise)
        places = {side: int(positions.get(side, place)) for side, place in self.places.items()}
        if not 0 <= noise <= page_start.LARGEST_NOISE or not places.keys() >= positions.keys() - {NOISE}:
            return None
        if not self.ladder.keys() >= set(places.values()):
            return None
        there: dict[str, Any] = {side.lower(): self.ladder[place] for side, place in places.items()}
        return replace(self, choice=replace(self.choice, **there), noise=noise, places=places)

    def following(self, *in_view: Follower) -> Following:
        """How they follow the hand, and after them what else of the open view does.

        Of the view nothing follows a slider: what it shows may be of other models then.
        """

        def elsewhere(positions: Positions) -> Following | None:
            there = self.moved(positions)
            return None if there is None else Following(there.noise, there.followers)

        return Following(self.noise, (*self.followers, *in_view), elsewhere)


def now() -> LiveParts:
    """As the controls have it; where a slider is held, as the hand does."""
    kind = keys.shown_kind()
    place_of = {weight: place for place, weight in enumerate(LADDERS[kind])}
    # On a set of one's own each model would have to be measured first.
    ladder = shown_model.intact_ladder(kind)
    choice = shown_model.choice()
    places = {
        side: place_of[shown_model.selection(side).weight]
        for side, shown in choice.sides.items()
        if shown_model.selection(side).model == LADDER and not shown.is_moment and ladder
    }
    as_set = LiveParts(
        choice,
        keys.NOISE.get(),
        {place_of[float(shown.listed_as)]: shown for shown in ladder},
        places,
        panels.Scales(panels.ladder_range(kind), bool(keys.OWN_SCALES.find())),
        probes.finder(),
        lab().data.classes,
    )
    return as_set.moved(lab().moved) or as_set
