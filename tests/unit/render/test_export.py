"""What is taken away holds the values that were seen. Needs the shipped checkpoints and Pillow."""

import base64
import csv
import io
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.inspection import inspect
from ae_core.analysis.notation import power_notation
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.config import KINDS
from ae_core.data import load_mnist, to_float
from ae_core.render import maps
from ae_core.render.export import Exhibit, to_csv, to_html
from ae_core.render.map_files import maps_to_zip
from ae_core.render.sheet import draw_sheet

X = to_float(load_mnist("test").images[:1])


def exhibits(kind, count=3):
    shown = []
    for weight, path in list(ladder_paths(kind).items())[:count]:
        checkpoint = load_checkpoint(path)
        statistics = CodeStatistics.from_metrics(checkpoint.metrics)
        shown.append(Exhibit.of(power_notation(weight), checkpoint, inspect(checkpoint.model, X, statistics)))
    return shown


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_has_a_row_per_model_with_its_values(kind):
    shown = exhibits(kind)
    rows = list(csv.DictReader(io.StringIO(to_csv(shown))))
    assert [row["model"] for row in rows] == [f"{one.penalty_weight:g}" for one in shown]
    for row, one in zip(rows, shown, strict=True):
        assert float(row["penalty_weight"]) == one.penalty_weight
        assert float(row["mse"]) == pytest.approx(one.inspection.mse)
        assert int(row["active_units"]) == one.inspection.active_count
        assert float(row["jacobian_sq_norm"]) == pytest.approx(one.inspection.jacobian_sq_norm)
        assert float(row["relative_sensitivity"]) == pytest.approx(one.inspection.relative_sensitivity)
        for name in ("jacobian_sq_norm", "relative_sensitivity", "l0", "hoyer"):
            assert float(row[f"test_{name}"]) == pytest.approx(one.metrics.value_of(name))
        assert float(row["test_mse"]) == pytest.approx(one.metrics.test_mse)
        assert (row["sparsity_target"] == "") == (kind == "contractive")


def test_an_undefined_value_is_an_empty_cell_and_a_word_in_the_report():
    measured, one = exhibits("sparse", 2)
    undefined = replace(one.inspection, active=None, relative_sensitivity=None)
    unmeasured = replace(one, label="mine", inspection=undefined)
    above, row = csv.DictReader(io.StringIO(to_csv([measured, unmeasured])))
    assert row["active_units"] == row["relative_sensitivity"] == ""
    assert above["active_units"] == str(measured.inspection.active_count), "a count stays whole beside it"
    assert "<td>none</td>" in to_html([unmeasured], date(2026, 1, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_holds_the_five_maps(kind):
    (one,) = exhibits(kind, 1)
    sheet = np.asarray(Image.open(io.BytesIO(draw_sheet(one))))
    seen = one.inspection
    side = maps.MAP_PIXELS
    expected = [
        maps.grey_picture(seen.x)[..., None].repeat(3, 2),
        maps.grey_picture(seen.reconstruction)[..., None].repeat(3, 2),
        maps.heat_map(seen.error, float(seen.error.max())),
        None,
        maps.heat_map(seen.sensitivity_map, float(seen.sensitivity_map.max())),
    ]
    # The first map's corner is the first black pixel below the headings.
    margin = (sheet.shape[1] - 5 * side) // 6
    top = next(
        row
        for row in range(sheet.shape[0])
        if (sheet[row : row + side, margin : margin + side] == expected[0]).all()
    )
    for index, picture in enumerate(expected):
        left = margin + index * (side + margin)
        if picture is not None:
            np.testing.assert_array_equal(sheet[top : top + side, left : left + side], picture)


def test_the_picture_s_heading_names_the_model_in_letters_that_the_font_has(monkeypatch):
    (one,) = exhibits("sparse", 3)[2:]
    written = []
    write = ImageDraw.ImageDraw.text

    def recorded(draw, place, text, fill, font):
        written.append((text, font))
        write(draw, place, text, fill, font)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", recorded)
    draw_sheet(replace(one, label="sparse 5·10⁻³ no. 2"))
    heading = "".join(text for text, _ in written)
    assert heading.startswith("Autoencoder Lab: sparse 5·10-3 no. 2, a sparse model, penalty weight 5·10-4")
    for text, font in written:
        for letter in set(text) - {" "}:
            assert bytes(font.getmask(letter)) != bytes(font.getmask("\uffff")), letter


class Outline(HTMLParser):
    """Tags and attributes of a page, in order."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_report_holds_everything_in_itself(kind):
    shown = exhibits(kind)
    page = to_html(shown, date(2026, 1, 2))
    tags = Outline(page).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "a"}
    pictures = [attributes for tag, attributes in tags if tag == "img"]
    assert len(pictures) == 5
    for picture in pictures:
        head, content = picture["src"].split(",")
        assert head == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(content))).width > 0
        assert picture["alt"]
    assert not re.search(r"https?:", page)
    assert "2026-01-02" in page
    for one in shown:
        weight = power_notation(one.penalty_weight)
        assert page.count(f"<span>{weight}</span>") == 4, "over every row of maps"
        assert page.count(f"<td>{weight}</td>") >= 2, "as a name, and as a penalty weight"
        assert f"<td>{one.inspection.jacobian_sq_norm:.4g}</td>" in page


def test_a_model_s_name_cannot_write_into_the_report():
    (one,) = exhibits("sparse", 1)
    hostile = replace(one, label="<script>alert(1)</script>")
    page = to_html([hostile], date(2026, 1, 2))
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 5, "over four maps and in the table"


def test_what_is_taken_away_needs_no_torch_and_pandas_only_for_a_table():
    look = (
        "import sys, ae_core.render.export, ae_core.render.sheet; "
        "print('torch' in sys.modules, 'pandas' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1, 8])
def test_each_map_is_a_picture_at_the_scale_that_was_asked_for_and_its_numbers(kind, scale):
    (one,) = exhibits(kind, 1)
    with zipfile.ZipFile(io.BytesIO(maps_to_zip(one, scale))) as archive:
        numbers = {
            name.removesuffix(".npy"): np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
            for name in archive.namelist()
            if name.endswith(".npy")
        }
        pictures = {name: Image.open(io.BytesIO(archive.read(f"{name}.png"))) for name in numbers}
    assert set(numbers) == {"drawing", "reconstruction", "error", "code", "sensitivity"}
    np.testing.assert_array_equal(numbers["sensitivity"], one.inspection.sensitivity_map)
    assert np.square(numbers["error"]).mean() == pytest.approx(one.inspection.mse)
    for name in set(numbers) - {"code"}:
        assert pictures[name].size == (28 * scale, 28 * scale)
    grey = np.asarray(pictures["drawing"])[::scale, ::scale]
    np.testing.assert_array_equal(grey, np.round(255 * one.inspection.x))
