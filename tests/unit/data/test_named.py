"""Sets that torchvision knows, downloaded from a server on loopback that stands for its mirrors."""

import functools
import gzip
import hashlib
import http.server
import struct
import threading

import numpy as np
import pytest
import torchvision.datasets as tv

from ae_core.data import named
from ae_core.data.own import open_data
from ae_core.errors import DataError
from tests.unit.data.makers import idx, idx_files, pictures, write_tree, write_zip


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder that is served, and the address at which."""
    monkeypatch.setattr(named, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setenv("no_proxy", "*")
    folder = tmp_path / "mirror"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def md5(content):
    return hashlib.md5(content).hexdigest()


def serve_like_mnist(monkeypatch, mirror, kind):
    folder, address = mirror
    files = idx_files()
    write_tree(folder, files)
    monkeypatch.setattr(kind, "mirrors", [address])
    monkeypatch.setattr(kind, "resources", [(name, md5(content)) for name, content in files.items()])


@pytest.mark.parametrize(("name", "kind"), [("fashion-mnist", tv.FashionMNIST), ("kmnist", tv.KMNIST)])
def test_sets_like_mnist_are_downloaded_once(mirror, monkeypatch, name, kind):
    serve_like_mnist(monkeypatch, mirror, kind)
    data = open_data(name)
    assert data.name == name
    assert data.classes == tuple(kind.classes)
    assert (len(data.images("train")), len(data.images("test"))) == (30, 10)
    assert data.images("train").sum() == pictures(30, seed=1).sum(dtype=np.int64)
    assert sorted(data.labels("train").tolist()) == sorted(np.arange(30) % 3)
    for file in mirror[0].iterdir():
        file.unlink()
    assert open_data(name).digest == data.digest


def test_qmnist_has_the_test_digits_of_mnist(mirror, monkeypatch):
    folder, address = mirror
    resources = {}
    for part, count in (("train", 30), ("test", 25)):
        labels = np.zeros((count, 8), dtype=">i4")
        labels[:, 0] = np.arange(count) % 10
        header = struct.pack(">4B2L", 0, 0, 12, 2, count, 8)
        files = {
            f"qmnist-{part}-images-idx3-ubyte.gz": gzip.compress(idx(pictures(count, seed=3))),
            f"qmnist-{part}-labels-idx2-int.gz": gzip.compress(header + labels.tobytes()),
        }
        write_tree(folder, files)
        resources[part] = [(address + name, md5(content)) for name, content in files.items()]
    monkeypatch.setattr(tv.QMNIST, "resources", resources)
    data = open_data("qmnist")
    assert data.classes == tuple("0123456789")
    assert sorted(data.labels("train").tolist()) == sorted(np.arange(30) % 10)


def test_the_letters_of_emnist_stand_upright_and_begin_with_a(mirror, monkeypatch, tmp_path):
    folder, address = mirror
    files = {}
    for part, count in (("train", 30), ("test", 10)):
        files[f"gzip/emnist-letters-{part}-images-idx3-ubyte.gz"] = gzip.compress(idx(pictures(count)))
        files[f"gzip/emnist-letters-{part}-labels-idx1-ubyte.gz"] = gzip.compress(
            idx(np.arange(count) % 26 + 1)
        )
    archive = write_zip(folder / "gzip.zip", files)
    monkeypatch.setattr(tv.EMNIST, "url", f"{address}gzip.zip")
    monkeypatch.setattr(tv.EMNIST, "md5", md5(archive.read_bytes()))
    data = open_data("emnist-letters")
    assert data.classes == tuple("abcdefghijklmnopqrstuvwxyz")
    assert sorted(data.labels("train").tolist()) == sorted(np.arange(30) % 26)
    # Its files have columns for rows.
    found = {image.tobytes() for image in data.images("train").numpy()}
    assert found == {np.ascontiguousarray(image.T).tobytes() for image in pictures(30)}


def test_without_a_network_there_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(named, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(tv.FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(DataError) as caught:
        open_data("fashion-mnist")
    assert "fashion-mnist is not in" in str(caught.value)
    assert "Try again with a network" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mirror_that_has_something_else_is_a_sentence(mirror, monkeypatch):
    serve_like_mnist(monkeypatch, mirror, tv.KMNIST)
    (mirror[0] / "train-images-idx3-ubyte.gz").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"kmnist is not in .* and cannot be downloaded"):
        open_data("kmnist")


def test_a_damaged_cache_is_a_sentence(mirror, monkeypatch, tmp_path):
    serve_like_mnist(monkeypatch, mirror, tv.KMNIST)
    open_data("kmnist")
    for file in (tmp_path / "cache" / "KMNIST" / "raw").glob("*-ubyte"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match="is damaged: remove it there"):
        open_data("kmnist")
