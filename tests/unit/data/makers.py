"""Small sets of pictures, made for a test. Needs NumPy and Pillow."""

import gzip
import io
import struct
import zipfile

import numpy as np
from PIL import Image


def pictures(count, size=28, seed=0):
    """Random grey pictures, uint8, shape (count, size, size)."""
    return np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8)


def png(array, mode=None, **options):
    """An array as a PNG file."""
    file = io.BytesIO()
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(file, "png", **options)
    return file.getvalue()


def jpeg(image):
    """A Pillow image as a JPEG file."""
    file = io.BytesIO()
    image.save(file, "jpeg", quality=95)
    return file.getvalue()


def write_tree(folder, files):
    """Write files by their paths below a folder."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def write_zip(path, files, method=zipfile.ZIP_DEFLATED):
    """Write files by their names into an archive."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def classes_of_pictures(per_class=12, names=("cat", "dog")):
    """PNG files in a folder per class, by their paths."""
    images = pictures(per_class * len(names))
    return {
        f"{name}/{index}.png": png(images[place * per_class + index])
        for place, name in enumerate(names)
        for index in range(per_class)
    }


def idx(array):
    """An array of bytes as an IDX file."""
    header = struct.pack(f">BBBB{array.ndim}L", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def idx_files(train=30, test=10, packed=True):
    """The four files of a set like MNIST."""
    pack = gzip.compress if packed else bytes
    ending = ".gz" if packed else ""
    files = {}
    for prefix, count, seed in (("train", train, 1), ("t10k", test, 2)):
        files[f"{prefix}-images-idx3-ubyte{ending}"] = pack(idx(pictures(count, seed=seed)))
        files[f"{prefix}-labels-idx1-ubyte{ending}"] = pack(idx(np.arange(count) % 3))
    return files
