"""Files that are no sets, or set a trap: one sentence each, little memory, nothing written."""

import gzip
import stat
import struct
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from ae_core.data.own import LARGEST_UPLOAD, open_data, read_upload
from ae_core.data.raw import LOCAL
from ae_core.errors import DataError
from tests.unit.data.makers import classes_of_pictures, idx, idx_files, pictures, png, write_tree, write_zip


def str_or_file(value):
    """A name of a test that is the same in every process: packed files tell the time."""
    return value if isinstance(value, str) else "file"


def refused(where, says, how="fit", bounds=LOCAL):
    with pytest.raises(DataError) as caught:
        open_data(str(where), how, bounds)
    sentence = str(caught.value)
    assert says in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/etc/evil.png", "an absolute path, /etc/evil.png"),
        ("C:\\evil.png", "an absolute path, C:/evil.png"),
        ("cat/../../evil.png", "a path that leads out of it, cat/../../evil.png"),
        ("..\\evil.png", "a path that leads out of it"),
    ],
)
def test_paths_that_lead_out_of_an_archive(tmp_path, name, says):
    files = classes_of_pictures() | {"cat/x.png": b""}
    path = write_zip(tmp_path / "evil.zip", files)
    # ZipFile would clean the name while it writes.
    content = path.read_bytes().replace(b"cat/x.png", b"Z" * len("cat/x.png"))
    assert content.count(b"Z" * 9) == 2
    with zipfile.ZipFile(path, "w") as archive:
        for one, data in classes_of_pictures().items():
            archive.writestr(one, data)
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, b"")
    refused(path, says)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["evil.zip"]


def test_a_link_in_an_archive(tmp_path):
    path = write_zip(tmp_path / "evil.zip", classes_of_pictures())
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("cat/passwd.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(path, "a link, cat/passwd.png")


def test_a_link_in_a_folder_is_not_followed(tmp_path):
    folder = write_tree(tmp_path / "pets", classes_of_pictures())
    elsewhere = write_tree(tmp_path / "elsewhere", {"secret.png": png(pictures(1)[0])})
    (folder / "cat" / "secret.png").symlink_to(elsewhere / "secret.png")
    (folder / "mouse").symlink_to(elsewhere)
    data = open_data(str(folder))
    assert data.classes == ("cat", "dog")
    assert len(data.images("train")) + len(data.images("test")) == 24
    assert any("2 links were not followed" in one for one in data.warnings)


def test_other_packings_and_locks_are_refused(tmp_path):
    refused(write_zip(tmp_path / "a.zip", classes_of_pictures(), zipfile.ZIP_LZMA), "another way than zip")
    path = write_zip(tmp_path / "b.zip", classes_of_pictures())
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(path, "an encrypted file")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello" * 100, b"PK\x05\x06" + b"\xff" * 18])
@pytest.mark.parametrize("ending", ["zip", "npz"])
def test_what_is_no_archive(tmp_path, content, ending):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content)
    refused(path, "x.")


@pytest.mark.parametrize("damage", [lambda c: c[: len(c) // 2], lambda c: c[:100] + b"\0" * 300 + c[400:]])
def test_a_damaged_archive(tmp_path, damage):
    path = write_zip(tmp_path / "x.zip", classes_of_pictures())
    path.write_bytes(damage(path.read_bytes()))
    refused(path, "x.zip")


def test_too_many_files_and_too_many_bytes_and_images(tmp_path):
    archive = write_zip(tmp_path / "x.zip", classes_of_pictures())
    folder = write_tree(tmp_path / "x", classes_of_pictures())
    for where in (archive, folder):
        refused(where, "holds more than 23 files", bounds=replace(LOCAL, files=23))
        refused(where, "holds 24 images, more than the 23", bounds=replace(LOCAL, images=23))
    refused(archive, "when it is unpacked", bounds=replace(LOCAL, unpacked=1000))
    write_tree(folder, {"cat/large.png": png(np.zeros((1000, 1001), np.uint8))})
    refused(folder, "more than 1 megapixels together", bounds=replace(LOCAL, megapixels=1))
    np.savez(tmp_path / "x.npz", x=pictures(30))
    refused(tmp_path / "x.npz", "holds 30 images", bounds=replace(LOCAL, images=29))
    refused(tmp_path / "x.npz", "when it is unpacked", bounds=replace(LOCAL, unpacked=1000))
    digits = write_tree(
        tmp_path / "digits", {"train-images-idx3-ubyte.gz": gzip.compress(idx(np.zeros((30, 28, 28))))}
    )
    refused(digits, "when it is unpacked", bounds=replace(LOCAL, unpacked=23_500))
    with pytest.raises(DataError, match="larger than 20 MB"):
        read_upload("x.zip", bytes(LARGEST_UPLOAD + 1), "fit")


MEMORY = """
    import resource, sys
    from ae_core.data.own import open_data
    from ae_core.data.raw import UPLOAD
    from ae_core.errors import DataError
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for where in sys.argv[1:]:
        try:
            open_data(where, "fit", UPLOAD)
        except DataError as error:
            print(error)
        else:
            print("taken")
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def a_million_files(path):
    """An archive whose table of contents names a million files, all the same one."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", png(pictures(1)[0]))
    content = path.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    table = content[start:end] * 1_000_000
    closing = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(table), start, 0)
    path.write_bytes(content[:start] + table + closing)
    return path


def test_traps_take_little_memory(tmp_path):
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.png", bytes(220 * 2**20))
    lying = tmp_path / "lying.npz"
    with zipfile.ZipFile(lying, "w") as archive:
        head = b"{'descr': '|u1', 'fortran_order': False, 'shape': (10000000000, 28, 28), }"
        head = head.ljust(117) + b"\n"
        archive.writestr("x.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + bytes(784))
    long = tmp_path / "idx"
    long.mkdir()
    with gzip.open(long / "train-images-idx3-ubyte.gz", "wb", compresslevel=1) as file:
        file.write(struct.pack(">4B3L", 0, 0, 8, 3, 100, 28, 28))
        file.write(bytes(220 * 2**20))
    huge = write_tree(tmp_path / "huge", {"a.png": b"\x89PNG\r\n\x1a\n" + bytes(8)})
    with (huge / "a.png").open("r+b") as file:
        file.truncate(5 * 2**30)
    traps = [bomb, a_million_files(tmp_path / "many.zip"), lying, long, huge]
    program = [sys.executable, "-c", textwrap.dedent(MEMORY), *map(str, traps)]
    ended = subprocess.run(program, capture_output=True, text=True, check=True)
    *said, megabytes = ended.stdout.splitlines()
    for sentence, expected in zip(
        said,
        ["when it is unpacked", "more than 30,000", "not the size that it says", "longer than", "larger"],
        strict=True,
    ):
        assert expected in sentence
    assert int(megabytes) < 150


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


X = pictures(30)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": np.array([[1], [2, 3]], dtype=object)}, "Python objects in x, which are never unpickled"),
        ({"x": X, "y": np.array(["a"] * 29 + [None], dtype=object)}, "Python objects in y"),
        ({"x": np.where(X > 200, np.nan, X / 255)}, "not finite"),
        ({"x": np.where(X > 200, np.inf, X / 255)}, "not finite"),
        ({"x": X / 127.5 - 1}, "goes from -1 to 1"),
        ({"x": X.astype(np.int16) - 128}, "goes from -128"),
        ({"x": X.astype(np.uint16) * 257}, "to 65535"),
        ({"x": X * 1000.0}, "0 to 255000"),
        ({"x": X.astype(complex)}, "its type is complex128"),
        ({"x": np.full((30, 28, 28), "a")}, "its type is <U1"),
        ({"x": X[0]}, "the shape (28, 28)"),
        ({"x": X[:, :, :, None, None]}, "the shape (30, 28, 28, 1, 1)"),
        ({"x": np.zeros((30, 28, 28, 2), np.uint8)}, "the shape (30, 28, 28, 2)"),
        ({"x": np.zeros((30, 5000, 1), np.uint8)}, "the shape (30, 5000, 1)"),
        ({"x": np.asfortranarray(X)}, "Fortran"),
        ({"x": X[:0]}, "holds no training images"),
        ({"x": X[:1]}, "holds 1 image: a set needs at least 20"),
        ({"x": np.float32(3)}, "the shape ()"),
        ({"x": X, "y": np.arange(29)}, "29 labels for 30 training images"),
        ({"x": X, "y": np.eye(30)}, "the shape (30, 30)"),
        ({"x": X, "y": np.full(30, 0.5)}, "holds no labels"),
        ({"x": X, "y": np.full(30, np.nan)}, "holds no labels"),
        ({"x": X, "y": np.arange(30), "classes": ["a", "b"]}, "labels from 0 to 29, but names 2 classes"),
        ({"x": X, "y": np.zeros(30, int), "classes": ["a", "a"]}, "classes of the same name"),
        ({"x": X, "y": np.zeros(30, int), "classes": 3}, "must be an array of texts"),
        ({"x_train": X, "x_test": X, "y_train": np.arange(30)}, "labels for one of its parts only"),
        ({"x_train": X, "x_test": X[:0]}, "holds no test images"),
        ({"images": X, "target": X}, "holds images, target: a set is made of arrays named x_train"),
    ],
)
def test_arrays_that_are_no_images_or_labels(tmp_path, arrays, says):
    refused(save(tmp_path / "x.npz", **arrays), says)


def test_more_classes_than_labels_can_name(tmp_path):
    x = pictures(300)
    refused(save(tmp_path / "x.npz", x=x, y=np.arange(300)), "300 classes, more than 256")


def test_a_pickle_that_is_called_an_array_is_never_run(tmp_path):
    import pickle

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", pickle.dumps(Trap()))
    refused(tmp_path / "x.npz", "its array x cannot be read")
    np.savez(tmp_path / "y.npz", x=np.array([Trap()], dtype=object))
    refused(tmp_path / "y.npz", "never unpickled")
    assert not (tmp_path / "sprung").exists()


def test_warnings_where_a_set_is_odd(tmp_path):
    few = save(tmp_path / "dim.npz", x=(X // 16).astype(np.uint8), y=np.zeros(30, int))
    found = " ".join(open_data(str(few)).warnings)
    assert "The brightest pixel is 15 of 255" in found
    assert "All images are of one class" in found
    x = X.copy()
    x[:2] = 0
    assert "2 images are of one brightness" in " ".join(
        open_data(str(save(tmp_path / "b.npz", x=x))).warnings
    )
    floats = save(tmp_path / "f.npz", x=X.astype(float))
    assert "taken as 0 to 255" in " ".join(open_data(str(floats)).warnings)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("cat/0.png", b"", "cat/0.png cannot be taken into the set"),
        ("cat/0.png", b"no picture", "cat/0.png cannot be taken into the set"),
        ("cat/0.png", png(pictures(1)[0])[:200], "cat/0.png cannot be taken into the set"),
        ("loose.png", png(pictures(1)[0]), "pictures in folders and others beside them, such as loose.png"),
        ("cat/0.png", png(np.zeros((6000, 6000), np.uint8)), "more than the 30 megapixels"),
    ],
    ids=str_or_file,
)
def test_pictures_that_cannot_be_taken(tmp_path, name, content, says):
    files = classes_of_pictures() | {name: content}
    refused(write_tree(tmp_path / "pets", files), says)


def test_folders_without_images(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, "holds no PNG or JPEG pictures and no IDX files")
    refused(write_tree(tmp_path / "text", {"a.txt": b"a"}), "holds no PNG or JPEG")
    refused(tmp_path / "missing", "There is no data set")
    refused(write_tree(tmp_path / "few", {"a.png": png(X[0])}), "holds 1 image: a set needs at least 20")
    (tmp_path / "x.tar").write_bytes(b"")
    refused(tmp_path / "x.tar", "is no set that can be read")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("train-images-idx3-ubyte.gz", gzip.compress(idx(pictures(30)))[:3000], "damaged or cut short"),
        ("train-images-idx3-ubyte.gz", gzip.compress(idx(pictures(30))[:-1]), "is cut short"),
        ("train-images-idx3-ubyte.gz", gzip.compress(idx(pictures(30)) + b"1"), "is longer than it says"),
        ("train-images-idx3-ubyte.gz", gzip.compress(b"abc"), "is no IDX file"),
        ("train-images-idx3-ubyte.gz", gzip.compress(idx(np.arange(30))), "is no IDX file of images"),
        ("train-images-idx3-ubyte.gz", gzip.compress(idx(np.zeros((30, 0, 28)))), "28 x 0 pixels"),
        ("train-labels-idx1-ubyte.gz", gzip.compress(idx(np.arange(29))), "29 labels for 30 training images"),
        ("train-images-idx3-ubyte", idx(pictures(30)), "two files of train images"),
    ],
    ids=str_or_file,
)
def test_idx_files_that_are_damaged_or_do_not_match(tmp_path, name, content, says):
    refused(write_tree(tmp_path / "digits", idx_files() | {name: content}), says)


def test_labels_without_images(tmp_path):
    files = idx_files()
    del files["train-images-idx3-ubyte.gz"]
    refused(write_tree(tmp_path / "digits", files), "but no images for them")
