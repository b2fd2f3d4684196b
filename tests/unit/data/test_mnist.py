"""The bundled images against the published digests and a parser of their own. Needs numpy and torch."""

import gzip
import hashlib
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from ae_core.data import load_mnist, mnist, shuffled_batches, to_float
from ae_core.errors import DataError

SHIPPED = Path(mnist.__file__).parent / "mnist"
NAMES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
# MD5 of the four files of the original distribution, decompressed.
PUBLISHED_MD5 = {
    "train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
}
# How often each digit occurs, as published with the data set.
DIGIT_COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


def parse_idx(content):
    """IDX as its authors describe it: two zero bytes, the type, the rank, big-endian sizes, the values."""
    zero, kind, rank = struct.unpack(">HBB", content[:4])
    assert (zero, kind) == (0, 8)
    sizes = struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank])
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
    return values.reshape(sizes)


@pytest.fixture
def copied_folder(tmp_path, monkeypatch):
    """A copy of the test split in the place of the shipped files, to be damaged."""
    for name in NAMES["test"]:
        shutil.copy(SHIPPED / name, tmp_path)
    monkeypatch.setattr(mnist, "_DIRECTORY", tmp_path)
    load_mnist.cache_clear()
    yield tmp_path
    # What was read from the copy must not outlive it.
    load_mnist.cache_clear()


@pytest.mark.parametrize("name", PUBLISHED_MD5)
def test_shipped_files_are_the_published_ones(name):
    content = gzip.decompress((SHIPPED / name).read_bytes())
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == PUBLISHED_MD5[name]


@pytest.mark.parametrize(("split", "count"), [("train", 60_000), ("test", 10_000)])
def test_tensors_match_a_parser_of_their_own(split, count):
    images, labels = load_mnist(split)
    expected_images, expected_labels = (
        parse_idx(gzip.decompress((SHIPPED / name).read_bytes())) for name in NAMES[split]
    )
    assert images.shape == (count, 1, 28, 28)
    assert labels.shape == (count,)
    assert images.dtype == labels.dtype == torch.uint8
    np.testing.assert_array_equal(images[:, 0].numpy(), expected_images)
    np.testing.assert_array_equal(labels.numpy(), expected_labels)


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_digit_occurs_as_often_as_published(split):
    assert torch.bincount(load_mnist(split).labels.long()).tolist() == DIGIT_COUNTS[split]


def test_the_files_are_read_once_a_process():
    assert load_mnist("test").images is load_mnist("test").images


def test_an_undamaged_copy_loads(copied_folder):
    assert len(load_mnist("test").images) == 10_000


def missing(path):
    path.unlink()


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def not_gzip(path):
    path.write_bytes(b"<html>404 Not Found</html>")


def garbled_in_the_middle(path):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)


def garbled_after_its_header(path):
    # 0xff starts a deflate block of a type that does not exist.
    path.write_bytes(gzip.compress(b"")[:10] + b"\xff" * 1000)


def one_byte_flipped(path):
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(content, compresslevel=1))


def one_image_short(path):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-784], compresslevel=1))


def a_directory(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", NAMES["test"])
@pytest.mark.parametrize(
    "damage",
    [
        missing,
        truncated,
        emptied,
        not_gzip,
        garbled_in_the_middle,
        garbled_after_its_header,
        one_byte_flipped,
        one_image_short,
        a_directory,
    ],
)
def test_a_damaged_file_is_a_data_error_that_names_it(copied_folder, damage, name):
    damage(copied_folder / name)
    with pytest.raises(DataError) as caught:
        load_mnist("test")
    assert str(copied_folder / name) in str(caught.value)


def test_a_failure_is_not_remembered(copied_folder):
    name = NAMES["test"][0]
    truncated(copied_folder / name)
    with pytest.raises(DataError):
        load_mnist("test")
    shutil.copy(SHIPPED / name, copied_folder)
    assert len(load_mnist("test").images) == 10_000


def test_floats_are_the_bytes_over_255():
    images = torch.arange(256, dtype=torch.uint8).reshape(4, 1, 8, 8)
    floats = to_float(images)
    assert floats.dtype == torch.float32
    assert floats.shape == images.shape
    np.testing.assert_allclose(floats.flatten().numpy(), np.arange(256) / 255, rtol=1e-7)
    assert floats.min() == 0
    assert floats.max() == 1


def epoch(count, batch_size, seed):
    return list(shuffled_batches(count, batch_size, torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"), [(10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 100, [3]), (3, 1, [1, 1, 1])]
)
def test_an_epoch_visits_each_index_once_and_its_last_batch_has_the_rest(count, batch_size, sizes):
    batches = epoch(count, batch_size, seed=0)
    assert [len(batch) for batch in batches] == sizes
    assert sorted(torch.cat(batches).tolist()) == list(range(count))


def test_the_order_is_the_seed_s():
    first, again, other = (torch.cat(epoch(1000, 100, seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, torch.arange(1000))


def test_the_next_epoch_has_another_order():
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.cat(list(shuffled_batches(1000, 100, generator))) for _ in range(2))
    assert not torch.equal(first, second)


def test_the_order_does_not_touch_the_global_generator():
    before = torch.get_rng_state()
    epoch(100, 10, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
