"""Probes that take seconds: of a few thousand training images."""

from ae_core.analysis import probe
from ae_core.analysis.probe import measure_probe
from ae_core.data import Mnist


def probe_few_images(monkeypatch, module):
    """Have a module that probes codes train its readers on 2,500 images, of which 500 are held out."""
    monkeypatch.setattr(probe, "_HELD_OUT", 500)

    def measure(features, train, *others):
        return measure_probe(features, Mnist(train.images[:2500], train.labels[:2500]), *others)

    monkeypatch.setattr(module, "measure_probe", measure)
