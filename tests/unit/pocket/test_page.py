"""The file of a pocket edition, without a browser. Needs torch."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import unescape

import numpy as np
import pytest

from ae_core.analysis import page_start
from ae_core.analysis.glossary import SYMBOLS
from ae_core.analysis.ladder_range import LadderRange
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.data import load_mnist
from ae_core.pocket.models import PocketModel
from ae_core.pocket.page import SCRIPTS, to_page
from ae_core.render import maps


@pytest.fixture
def page(make_checkpoint):
    return to_page([PocketModel(kind, make_checkpoint(kind), None) for kind in ("contractive", "sparse")])


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_the_policy_allows_what_is_in_the_file_and_no_network(page):
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == rules.pop("base-uri") == rules.pop("form-action") == "'none'"
    inline = re.findall(r'<script(?: type="module" id="script")?>(.*?)</script>', page, re.DOTALL)
    digests = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in inline]
    assert sorted(rules.pop("script-src").split()) == sorted(digests)
    assert len(digests) == 2
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert rules.pop("style-src") == f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
    assert rules == {"worker-src": "blob:", "img-src": "data:"}
    assert "http" not in re.sub(r"http-equiv", "", page), "no address of any other machine"
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)


def test_nothing_ends_the_scripts_or_the_style_early(page):
    assert page.count("</script") == page.count("<script") == 2 + 1 + 2 * 2
    assert page.count("</style") == 1


def test_the_scripts_are_one_without_imports():
    order = [path.stem for path in SCRIPTS]
    folder = SCRIPTS[0].parent
    assert sorted(order) == sorted(path.stem for path in folder.glob("*.js"))
    for path in SCRIPTS:
        imported = re.findall(r'^import [^;]*"\./(\w+)\.js";$', path.read_text(), re.MULTILINE)
        assert all(order.index(name) < order.index(path.stem) for name in imported), path.name


def test_no_import_is_left_in_the_file(page):
    script = re.search(r'id="script">(.*?)</script>', page, re.DOTALL)[1]
    assert not re.search(r"^\s*(import|export) ", script, re.MULTILINE)


def test_names_are_data_and_never_markup(make_checkpoint):
    name = "</script><script>alert(1)</script><!--'\"&"
    page = to_page([PocketModel(name, make_checkpoint("sparse"), None)], lab_url='https://a"><b>')
    assert data_of(page)["models"][0]["name"] == name
    assert "alert(1)</script>" not in page
    assert "<!--" not in page
    assert "<b>'" not in page
    assert 'href="https://a&#34;&gt;&lt;b&gt;"' in page


def test_words_colours_and_axes_are_the_page_s_own(page):
    for kind in ("contractive", "sparse"):
        assert page_start.IDEAS[kind] in page
        axes = LadderRange.of([load_checkpoint(path).metrics for path in ladder_paths(kind).values()])
        found = data_of(page)["kinds"][kind]["axes"]
        for name, axis in zip(
            ("mse", "codeSqNorm", "jacobianSqNorm", "activeUnits"), vars(axes).values(), strict=True
        ):
            assert found[name] == {"lowest": axis.lowest, "highest": axis.highest, "ends": list(axis.ends)}
    for name in ("MSE", "λ", "β", "ρ", "KL", "‖J‖²", "Hoyer", "reads", "error", "sensitivity"):
        assert SYMBOLS[name] in unescape(page)
    assert "open it in Units" not in page, "there are none in the pocket"
    assert data_of(page)["colours"]["palette"] == maps.packed(maps.palette())
    assert maps.css_gradient() in page
    assert "streamlit run app.py" in page


def test_the_digits_are_test_images_and_the_start_is_the_page_s(page):
    data = data_of(page)
    images, labels = load_mnist("test")
    digit, example = data["start"]
    assert (digit, example) == page_start.STARTING_DIGIT
    packed = np.concatenate(
        [images[labels == each][: data["examples"]].numpy().ravel() for each in range(10)]
    )
    assert data["digits"] == maps.packed(packed)


def test_the_page_starts_with_the_page_s_models_or_with_one_s_own(make_checkpoint, page):
    assert data_of(page)["kinds"]["sparse"]["start"] == {"A": "sparse", "B": "sparse"}
    rungs = [PocketModel(path.stem, load_checkpoint(path), None) for path in ladder_paths("sparse").values()]
    assert data_of(to_page(rungs))["kinds"]["sparse"]["start"] == {"A": "sparse-0.005", "B": "sparse-0"}
    own = PocketModel("mine", make_checkpoint("sparse"), None)
    found = data_of(to_page([*rungs, own]))["kinds"]
    assert found["sparse"]["start"]["A"] == "mine"
    assert list(found) == ["sparse"], "no switch between kinds where there is one"
