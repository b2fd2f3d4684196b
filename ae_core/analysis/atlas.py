"""Where codes lie: a map of the test digits' codes, a drawing's place on it, and its neighbours.

Poličar, Stražar and Zupan, "openTSNE", JSS 2024; trustworthiness: Venna and Kaski, ICANN 2001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ae_core.analysis.probe import Advance
from ae_core.analysis.vectors import Near
from ae_core.errors import AnalysisError

NEIGHBOURS = 5
"""Neighbours that give a drawing its place."""
TRUST_NEIGHBOURS = 10
TRUST_IMAGES = 2000
"""The first images, by which the trustworthiness is measured: it takes all distances."""

_PERPLEXITY = 30
_COMPONENTS = 50
"""Of the code, in which neighbours are looked for; usual before t-SNE."""
_EARLY_STEPS, _STEPS = 250, 250
_MANY = 5000
"""Images from which on t-SNE's forces are added up on a grid."""
_TELL_EVERY = 10
_TRUST_SHARE = 0.05
"""Of the work, at its end."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """A map of codes."""

    places: np.ndarray
    """Of the images, float32, shape (n, 2): across and up, in [0, 1]."""
    trustworthiness: float
    """In [0, 1]: near 1 if those that are neighbours on the map are neighbours in the code, too."""
    is_linear: bool = False
    """Whether it shows two principal components, and its distances are distances in the code, projected."""


def make_atlas(codes: np.ndarray, start: np.ndarray | None, advance: Advance) -> Atlas:
    """A t-SNE map of codes.

    Args:
        codes: float32, shape (n, K).
        start: where the images begin, shape (n, 2): the map of a similar model, with which this one is then
            aligned; None: at their first two principal components.
        advance: is told of the progress.
    Raises:
        AnalysisError: if all codes are the same.
    """
    import openTSNE  # takes a second to import
    from openTSNE.initialization import rescale

    components = _components(codes, _COMPONENTS)
    begin = components[:, :2] if start is None else start.astype(np.float64) - 0.5
    done = 0

    def tell(*_: object) -> bool:
        nonlocal done
        done += _TELL_EVERY
        advance((1 - _TRUST_SHARE) * min(1.0, done / (_EARLY_STEPS + _STEPS)))
        return False

    found = openTSNE.TSNE(
        perplexity=min(_PERPLEXITY, (len(codes) - 1) / 3),
        initialization=rescale(begin),
        early_exaggeration_iter=_EARLY_STEPS,
        n_iter=_STEPS,
        callbacks=tell,
        callbacks_every_iters=_TELL_EVERY,
        negative_gradient_method="fft" if len(codes) >= _MANY else "bh",
        random_state=0,
    ).fit(components)
    places = _into_unit_square(np.asarray(found))
    return Atlas(places, measure_trust(codes, places))


def components_atlas(codes: np.ndarray) -> Atlas:
    """The first two principal components of codes as a map: at once, and less to be trusted.

    Raises:
        AnalysisError: if all codes are the same.
    """
    places = _into_unit_square(_components(codes, 2))
    return Atlas(places, measure_trust(codes, places), is_linear=True)


def measure_trust(codes: np.ndarray, places: np.ndarray) -> float:
    """The trustworthiness of a map by its first images."""
    from sklearn.manifold import trustworthiness

    count = min(TRUST_IMAGES, len(codes))
    neighbours = min(TRUST_NEIGHBOURS, (count - 1) // 2)
    return float(trustworthiness(codes[:count], places[:count], n_neighbors=neighbours))


def place_among(near: Near, places: np.ndarray) -> np.ndarray:
    """Where a drawing lies on a map, shape (2,): between its neighbours, the nearer ones counting more.

    A drawing with the code of one of the images lies on that one's place.
    """
    if near.distances[0] == 0:
        return places[near.indices[0]]
    weights = near.distances**-2.0
    return (weights[:, None] * places[near.indices]).sum(0) / weights.sum()


def _components(codes: np.ndarray, count: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    if not (np.ptp(codes, axis=0) > 0).any():
        raise AnalysisError(
            "All test digits have the same code under this model: there is no map of it. Choose another one."
        )
    count = min(count, *codes.shape)
    found = PCA(count, svd_solver="covariance_eigh", random_state=0).fit_transform(codes)
    return np.pad(found, ((0, 0), (0, max(0, 2 - count))))


def _into_unit_square(places: np.ndarray) -> np.ndarray:
    low, span = places.min(0), np.ptp(places, axis=0)
    shares = (places - low) / np.where(span > 0, span, 1.0)
    return shares.astype(np.float32)
