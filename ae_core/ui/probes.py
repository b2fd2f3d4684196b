"""Probes of the models in sight: those that lie beside their files, and those measured here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from ae_core.analysis.glossary import is_of_probe
from ae_core.analysis.metrics import Number
from ae_core.analysis.probe import Advance, Probe, measure_probe
from ae_core.checkpoints.probe_file import BASELINES, load_baselines, load_probe, probe_path
from ae_core.errors import CheckpointError
from ae_core.training.background_work import BackgroundWork
from ae_core.ui.beside import find_beside
from ae_core.ui.library import version
from ae_core.ui.shown import Shown
from ae_core.ui.state import lab

_Runs = Mapping[int, BackgroundWork[Probe]]


def probe_of(shown: Shown) -> Probe | None:
    """The probe of a model's code; None if there is none, or none yet.

    Raises:
        CheckpointError: if there is a file of it that cannot be read, or is another model's.
    """
    return _probe_of(lab().probe_runs, shown)


def find_probe(shown: Shown) -> Probe | None:
    """The same for those who can do without: None for a file that cannot be read, too."""
    return finder()(shown)


def finder() -> Callable[[Shown], Probe | None]:
    """`find_probe` for those who are called outside of the session."""
    return partial(_find_probe, lab().probe_runs)


def _find_probe(runs: _Runs, shown: Shown) -> Probe | None:
    try:
        return _probe_of(runs, shown)
    except CheckpointError:
        return None


def _probe_of(runs: _Runs, shown: Shown) -> Probe | None:
    # Only of MNIST is there a file: see `shown.py`.
    return find_beside(shown, runs.get(shown.number), probe_path, load_probe)


def value_of(shown: Shown, name: str) -> Number | None:
    """A value of a model by its stored name, be it a metric or of its probe; None if it is not known."""
    if not is_of_probe(name):
        return shown.checkpoint.metrics.value_of(name)
    probe = find_probe(shown)
    return None if probe is None else probe.errors.get(name)


def baselines() -> dict[str, dict[str, float]]:
    """The errors of what a code has to be better than, by its name.

    Raises:
        CheckpointError: if their file is missing or damaged.
    """
    return _load_baselines(version(BASELINES))


@lru_cache(maxsize=1)
def _load_baselines(version: int) -> dict[str, dict[str, float]]:  # noqa: ARG001 - part of the key
    return load_baselines(BASELINES)


def run_of(shown: Shown) -> BackgroundWork[Probe] | None:
    """The measurement of a model's probe in the background, if one was started."""
    return lab().probe_runs.get(shown.number)


def start(shown: Shown) -> None:
    """Measure a model's probe in the background; for callbacks.

    Raises:
        DataError: if its set has no labels.
    """
    encode, data = shown.checkpoint.model.encode, shown.data
    train, test = data.labelled("train"), data.labelled("test")

    def work(advance: Advance) -> Probe:
        return measure_probe(encode, train, test, advance, len(data.classes))

    lab().probe_runs[shown.number] = BackgroundWork("The probe", work)


def stop(shown: Shown) -> None:
    """Give the measurement up; for callbacks."""
    run = lab().probe_runs.pop(shown.number, None)
    if run is not None:
        run.stop()
