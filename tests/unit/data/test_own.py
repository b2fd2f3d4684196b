"""Sets of one's own in each of their forms, held against the arrays they were made of."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ae_core.config import RECIPES
from ae_core.data import MNIST
from ae_core.data.dataset import MNIST_DIGEST, digest_of
from ae_core.data.own import open_again, open_data, read_upload
from ae_core.errors import DataError
from tests.unit.data.makers import (
    classes_of_pictures,
    idx_files,
    jpeg,
    pictures,
    png,
    write_tree,
    write_zip,
)


def rows(images):
    """Images in an order of their own: sets shuffle theirs."""
    flat = np.asarray(images).reshape(len(images), -1)
    return flat[np.lexsort(flat.T)]


def all_images(data):
    return torch.cat([data.images("train"), data.images("test")]).numpy()


def test_mnist_s_digest_is_that_of_its_content():
    assert digest_of(MNIST.load("train"), MNIST.load("test"), MNIST.classes) == MNIST_DIGEST
    assert open_data("mnist") is MNIST
    assert MNIST.fields == {"data": None, "data_digest": None}


def test_a_folder_per_class_is_a_set_with_classes(tmp_path):
    data = open_data(str(write_tree(tmp_path / "pets", classes_of_pictures())))
    assert (data.name, data.classes) == ("pets", ("cat", "dog"))
    assert (len(data.images("train")), len(data.images("test"))) == (22, 2)
    assert np.array_equal(rows(all_images(data)), rows(pictures(24)))
    assert data.images("train").shape[1:] == (1, 28, 28)
    cats = rows(pictures(24)[:12])
    found = np.concatenate(
        [data.images(split)[data.labels(split) == 0].numpy() for split in ("train", "test")]
    )
    assert np.array_equal(rows(found), cats)
    assert any("2 images, drawn by a seed, are set aside" in one for one in data.warnings)


def test_a_zip_is_the_same_set_as_the_folder_that_was_packed(tmp_path):
    files = classes_of_pictures()
    folder = open_data(str(write_tree(tmp_path / "pets", files)))
    junk = {"__MACOSX/cat/._0.png": b"x", "pets/.DS_Store": b"x"}
    packed = {f"pets/{path}": content for path, content in files.items()}
    archive = open_data(str(write_zip(tmp_path / "pets.zip", packed | junk)))
    assert archive.digest == folder.digest
    assert archive.name == folder.name
    uploaded = read_upload("pets.zip", (tmp_path / "pets.zip").read_bytes(), "fit")
    assert uploaded.digest == folder.digest
    assert uploaded.source is None


def test_pictures_without_folders_have_no_labels(tmp_path):
    files = {f"{index}.png": png(picture) for index, picture in enumerate(pictures(20))}
    data = open_data(str(write_tree(tmp_path / "loose", files | {"readme.txt": b"hello"})))
    assert data.classes == ()
    assert data.labels("train") is None
    assert any("1 file that is no PNG or JPEG was left out" in one for one in data.warnings)
    with pytest.raises(DataError, match="has no labels"):
        data.labelled("train")
    assert len(data.training_images(None)) == 18
    with pytest.raises(DataError, match="has no labels"):
        data.training_images((0, 1))


def test_train_and_test_folders_are_the_two_parts(tmp_path):
    files = {f"train/{path}": content for path, content in classes_of_pictures().items()}
    files |= {f"test/{path}": content for path, content in classes_of_pictures(per_class=3).items()}
    data = open_data(str(write_tree(tmp_path / "pets", files)))
    assert (len(data.images("train")), len(data.images("test"))) == (24, 6)
    assert data.classes == ("cat", "dog")
    assert not any("set aside" in one for one in data.warnings)


@pytest.mark.parametrize("packed", [True, False], ids=["gz", "plain"])
def test_idx_files_are_a_set_with_two_parts(tmp_path, packed):
    data = open_data(str(write_tree(tmp_path / "digits", idx_files(packed=packed))))
    assert np.array_equal(rows(data.images("train")), rows(pictures(30, seed=1)))
    assert np.array_equal(rows(data.images("test")), rows(pictures(10, seed=2)))
    assert data.classes == ("0", "1", "2")


def npz(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def test_arrays_are_a_set(tmp_path):
    x = pictures(40)
    where = npz(
        tmp_path / "a.npz", x_train=x[:30], y_train=np.arange(30) % 3 + 5, x_test=x[30:], y_test=[5] * 10
    )
    data = open_data(where)
    assert data.classes == ("5", "6", "7")
    assert np.array_equal(rows(data.images("train")), rows(x[:30]))
    assert data.labels("test").tolist() == [0] * 10
    assert any("no test images of 6 and 1 more" in one for one in data.warnings)
    named = npz(tmp_path / "b.npz", x=x, y=np.arange(40) % 2, classes=["no", "yes"])
    assert open_data(named).classes == ("no", "yes")
    texts = npz(tmp_path / "c.npz", x=x, y=np.array(["b", "a"] * 20))
    assert open_data(texts).classes == ("a", "b")
    alone = npz(tmp_path / "d.npz", x=x)
    assert open_data(alone).classes == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype(np.int64),
        lambda x: x / 255,
        lambda x: (x / 255).astype(np.float16),
        lambda x: x.astype(np.float32),
        lambda x: x.reshape(len(x), -1),
        lambda x: x[:, None],
        lambda x: x[..., None],
        lambda x: np.repeat(x[..., None], 3, -1),
        lambda x: np.repeat(x[:, None], 3, 1),
        lambda x: np.concatenate([np.repeat(x[..., None], 3, -1), np.full((*x.shape, 1), 255, np.uint8)], -1),
    ],
)
def test_arrays_of_any_type_and_shape_give_the_same_images(tmp_path, change):
    x = pictures(25)
    x[0, 0, 0] = 255
    data = open_data(npz(tmp_path / "x.npz", x=change(x)))
    assert abs(rows(all_images(data)).astype(int) - rows(x).astype(int)).max() <= 1


def test_black_and_white_arrays_are_taken_as_such(tmp_path):
    x = pictures(25) > 127
    for values in (x, x.astype(np.uint8)):
        data = open_data(npz(tmp_path / "x.npz", x=values))
        assert set(np.unique(all_images(data))) == {0, 255}


def test_the_same_content_gives_the_same_set_and_another_another(tmp_path):
    x = pictures(30)
    digests = {
        open_data(npz(tmp_path / f"{name}.npz", x=changed)).digest
        for name, changed in (("a", x), ("b", x), ("c", 255 - x))
    }
    assert len(digests) == 2


def test_a_set_is_opened_again_only_if_it_is_the_same(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    npz(path, x=pictures(30))
    monkeypatch.chdir(tmp_path)
    data = open_data("x.npz")
    config = RECIPES["sparse"]["fast"].override(**data.fields).train
    assert data.is_of(config)
    assert not MNIST.is_of(config)
    monkeypatch.chdir("/")
    assert open_again(data.source, config).digest == data.digest
    with pytest.raises(DataError, match="was uploaded"):
        open_again(None, config)
    npz(path, x=pictures(30, seed=1))
    with pytest.raises(DataError, match="has changed"):
        open_again(data.source, config)
    path.unlink()
    with pytest.raises(DataError, match="There is no data set"):
        open_again(data.source, config)


def a_disc(mode):
    """A white disc on black, 60 x 40, in some mode of Pillow."""
    down, right = np.mgrid[:40, :60]
    disc = ((down - 20) ** 2 + (right - 30) ** 2 < 200).astype(np.uint8) * 255
    if mode == "I;16":
        return png(disc.astype(np.uint16) * 257)
    if mode == "CMYK":
        return jpeg(Image.fromarray(np.repeat(disc[..., None], 3, -1)).convert("CMYK"))
    if mode == "RGBA, white":
        return png(np.concatenate([np.full((40, 60, 3), 255, np.uint8), disc[..., None]], -1))
    return png(disc, mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "I;16", "CMYK", "RGBA, white"])
@pytest.mark.parametrize("how", ["fit", "centre"])
def test_pictures_of_every_kind_show_the_same(tmp_path, mode, how):
    files = {f"{index}.{'jpg' if mode == 'CMYK' else 'png'}": a_disc(mode) for index in range(20)}
    image = open_data(str(write_tree(tmp_path / "discs", files)), how).images("train")[0, 0].numpy()
    assert image[14, 14] > 240
    assert image[:3].max() < 15
    assert image[-3:].max() < 15
    ink = image > 127
    across = ink.any(0).sum()
    # Scaled down by 60 / 28 its diameter of 28 becomes 13; its box is that of a digit of MNIST.
    assert across == pytest.approx({"fit": 13, "centre": 20}[how], abs=1)
    assert ink.any(1).sum() == pytest.approx(across, abs=1)


def test_ink_on_light_paper_is_centred_as_light_ink(tmp_path):
    page = np.full((100, 80), 250, np.uint8)
    page[30:60, 20:26] = 10
    files = {f"{index}.png": png(page) for index in range(20)}
    where = str(write_tree(tmp_path / "ones", files))
    image = open_data(where, "centre").images("train")[0, 0].numpy()
    assert image[14, 14] > 200
    assert image[:, :10].max() == 0
    fitted = open_data(where)
    assert fitted.images("train")[0, 0, 0, 0] == 250
    assert any("Most of these pictures are light" in one for one in fitted.warnings)


def test_as_is_takes_pictures_of_28_x_28_alone(tmp_path):
    x = pictures(20)
    files = {f"{index}.png": png(picture) for index, picture in enumerate(x)}
    data = open_data(str(write_tree(tmp_path / "right", files)), "as-is")
    assert np.array_equal(rows(all_images(data)), rows(x))
    files["19.png"] = png(pictures(1, size=32)[0])
    with pytest.raises(DataError, match=r"19\.png is 32 x 32 pixels, not 28 x 28"):
        open_data(str(write_tree(tmp_path / "wrong", files)), "as-is")


def test_a_picture_is_turned_upright(tmp_path):
    page = np.zeros((40, 60), np.uint8)
    page[:, :10] = 255
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(page).save(file, "jpeg", exif=exif, quality=95)
    files = {f"{index}.jpg": file.getvalue() for index in range(20)}
    image = open_data(str(write_tree(tmp_path / "turned", files))).images("train")[0, 0].numpy()
    # Turned clockwise, what was left is above.
    assert image[1, 14] > 200
    assert image[20, 14] < 50
