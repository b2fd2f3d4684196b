"""Probes that take seconds: of a few thousand training images."""

from dataclasses import replace

from ae_core.analysis import probe
from ae_core.data import MNIST, Mnist, load_mnist


def probe_few_images(monkeypatch, module):
    """Have a module that probes codes train its readers on 2,500 images, of which 500 are held out."""
    monkeypatch.setattr(probe, "_HELD_OUT", 500)

    def part(split):
        whole = load_mnist(split)
        return Mnist(whole.images[:2500], whole.labels[:2500]) if split == "train" else whole

    if hasattr(module, "MNIST"):
        monkeypatch.setattr(module, "MNIST", replace(MNIST, load=part))
    else:
        monkeypatch.setattr(module, "load_mnist", part)
