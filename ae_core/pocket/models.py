"""The models of a pocket edition: shipped ladders, or files, with their readers and their ladder's axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ae_core.analysis.evaluation import measure_without_jacobians
from ae_core.analysis.ladder_range import LadderRange
from ae_core.analysis.metrics import Metrics
from ae_core.analysis.notation import penalty_symbol, power_notation
from ae_core.analysis.probe import LinearReader
from ae_core.checkpoints import SUFFIX, AnyCheckpoint, Checkpoint, load_checkpoint
from ae_core.checkpoints.library import ladder_name, ladder_paths
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.config import KINDS, Kind
from ae_core.data import load_mnist
from ae_core.errors import CheckpointError, PocketError
from ae_core.model import Autoencoder


@dataclass(frozen=True)
class PocketModel:
    """A model under the name that the file knows it by."""

    name: str
    """Unique; of a model from a file its stem."""
    checkpoint: Checkpoint[Metrics]
    reader: LinearReader | None
    """What the digits are read off its code by, if it was probed."""

    @property
    def kind(self) -> Kind:
        """Contractive or sparse."""
        return self.checkpoint.model_config.kind

    @property
    def penalty_weight(self) -> float:
        """With which its training ended."""
        return self.checkpoint.train_config.at_last.penalty_weight

    @property
    def is_rung(self) -> bool:
        """Whether it is named as a ladder's models are, by its penalty weight alone."""
        return f"{self.name}{SUFFIX}" == ladder_name(self.kind, self.penalty_weight)

    @property
    def label(self) -> str:
        """Short, to stand below a picture."""
        return power_notation(self.penalty_weight) if self.is_rung else self.name

    @property
    def title(self) -> str:
        """To stand over its values, with what sets its training apart."""
        name = f"{penalty_symbol(self.kind)} = {self.label}" if self.is_rung else self.name
        return name + self.checkpoint.train_config.remarks


def open_models(paths: Sequence[Path]) -> list[PocketModel]:
    """Models from files, in the order of the kinds and their penalties; their probes lie beside them.

    A file that does not say how its model's units answer to the test set has them measured now.

    Raises:
        CheckpointError: if a file is missing or no checkpoint.
        PocketError: if two files have the same name.
    """
    twice = [name for name, count in Counter(path.stem for path in paths).items() if count > 1]
    if twice:
        raise PocketError(f"Two files are called {twice[0]}: name one of them, or rename the other.")
    models = [_open(path) for path in paths]
    return sorted(models, key=lambda one: (KINDS.index(one.kind), one.penalty_weight, not one.is_rung))


def open_ladders(kinds: Sequence[Kind] = KINDS) -> list[PocketModel]:
    """The shipped models of the ladders of these kinds.

    Raises:
        CheckpointError: if one of their files is missing or damaged.
    """
    return open_models([path for kind in kinds for path in ladder_paths(kind).values()])


def ladder_range(kind: Kind, models: Sequence[PocketModel]) -> LadderRange:
    """The axes of a kind, which are the page's: those of the shipped ladder.

    Args:
        models: whose axes they are instead where no shipped file is whole.
    """
    measured = []
    for path in ladder_paths(kind).values():
        with suppress(CheckpointError):
            metrics = load_checkpoint(path).metrics
            measured += [metrics] if isinstance(metrics, Metrics) else []
    return LadderRange.of(measured or [model.checkpoint.metrics for model in models if model.kind == kind])


def reader_beside(path: Path | None, model: Autoencoder) -> LinearReader | None:
    """The reader of a model's code, from the folder `probes` beside its file; None for no sound one."""
    if path is not None:
        with suppress(CheckpointError):
            return load_probe(probe_path(path), model).reader
    return None


def _open(path: Path) -> PocketModel:
    checkpoint = load_checkpoint(path)
    return PocketModel(path.stem, _measured(checkpoint), reader_beside(path, checkpoint.model))


def _measured(checkpoint: AnyCheckpoint) -> Checkpoint[Metrics]:
    metrics = checkpoint.metrics
    if not isinstance(metrics, Metrics):
        metrics = measure_without_jacobians(checkpoint.model, load_mnist("test").images)
    return Checkpoint(
        checkpoint.model, checkpoint.model_config, checkpoint.train_config, metrics, checkpoint.history
    )
