"""Photos of known digits, as files. Needs Pillow and the bundled test images."""

import io

import numpy as np
from PIL import Image

from ae_core.data import load_mnist


def file_of(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def digit(index):
    return load_mnist("test").images[index, 0].numpy()


def photographed(index):
    """Dark ink on paper that lies half in the shade, with grain, dust and margins, not square."""
    chance = np.random.default_rng(index)
    ink = np.asarray(Image.fromarray(digit(index)).resize((600, 600), Image.Resampling.BICUBIC)) / 255
    ink = np.pad(ink, ((60, 100), (200, 30)))
    down, across = np.mgrid[0:1:760j, 0:1:830j]
    photo = 215 - 70 * across + 25 * down - 110 * ink + chance.normal(0, 6, ink.shape)
    photo[30:33, 40:43] = 60
    return np.clip(photo, 0, 255).astype(np.uint8)
