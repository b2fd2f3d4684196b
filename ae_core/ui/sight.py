"""What the models see, with everything that was computed of it so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ae_core.analysis.inspection import Inspection, Seen, inspect, reconstruct_each
from ae_core.ui.library import Shown


@dataclass(frozen=True, eq=False)
class Sight(Seen):
    """A picture before the models of the page; what they make of it is computed once, whoever asks."""

    _inspections: dict[int, Inspection] = field(default_factory=dict, repr=False)
    """By the models' numbers."""
    _reconstructions: dict[int, np.ndarray] = field(default_factory=dict, repr=False)
    """Likewise the reconstructions alone."""

    def inspect(self, shown: Shown) -> Inspection:
        """The picture under a model."""
        if shown.number not in self._inspections:
            self._inspections[shown.number] = inspect(
                shown.checkpoint.model, self.x, shown.statistics, self.clean
            )
        return self._inspections[shown.number]

    def reconstruct(self, models: Sequence[Shown]) -> list[np.ndarray]:
        """What each model makes of the picture, shape (28, 28) each."""
        missing = [shown for shown in models if shown.number not in self._reconstructions]
        pictures = reconstruct_each([shown.checkpoint.model for shown in missing], self.x)
        found = zip(missing, pictures, strict=True)
        self._reconstructions.update({shown.number: picture for shown, picture in found})
        return [self._reconstructions[shown.number] for shown in models]
