"""What is copied as Python computes the very values of the page. Needs shipped models, probes and maps."""

import re

import numpy as np
import pytest

from ae_core.analysis.notation import value_text
from ae_core.config import KINDS
from ae_core.ui import keys
from ae_core.ui.pointing import pick_of_test_digit
from tests.app.conftest import after_slow_work, bodies, decoded, gauges, open_more
from tests.app.opened_views import chart_of, column_texts, labels, opened

SHOWN = {"contractive": "10⁻⁴", "sparse": "5·10⁻³"}


def copied(page):
    (code,) = [one for one in open_more(page).code if one.value.startswith("import")]
    return code.value


def values_of(page):
    """What the program on the page computes."""
    found = {}
    exec(copied(page), found)
    return found["values"]


def curve(page, key, label):
    (one,) = [each for each in chart_of(page, key)["data"] if each.get("name") == label]
    return decoded(one["y"])


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def test_of_the_panels(page, kind):
    page = opened(page, kind, "Play")
    page.slider(key="noise").set_value(0.25)
    page = page.run()
    values, shown = values_of(page), gauges(page)
    for name in ("MSE", "‖J‖²"):
        assert f">{value_text(values[name])}<" in shown
    assert f">{values['active']} of " in shown
    assert f">{values['Hoyer']:.2f}<" in shown


def test_of_compare(page, kind):
    page = opened(page, kind, "Compare")
    values = list(values_of(page).values())
    count = len(values)
    assert count == len([label for label in labels(kind) if "denoising" not in label])
    for name, form in (("MSE of this digit", ".2g"), ("‖J‖²", ".2g"), ("active units", "d")):
        assert [format(one[name], form) for one in values] == column_texts(page, name)[:count]


def test_of_units(page, kind):
    page = opened(page, kind, "Units")
    values = values_of(page)
    assert [str(unit) for unit in values["strongest units"]] == column_texts(page, "unit")
    assert [f"{one:.2g}" for one in values["activations"]] == column_texts(page, "activation")
    assert values["what each adds"].shape == (len(values["activations"]), 28, 28)


def test_of_jacobian(page, kind):
    page = opened(page, kind, "Jacobian")
    values = values_of(page)
    drawn = curve(page, "spectra", SHOWN[kind])
    np.testing.assert_allclose(values["singular values"][: len(drawn)], drawn, rtol=1e-3)
    (heat,) = chart_of(page, "sensitivity_chart")["data"]
    np.testing.assert_allclose(values["sensitivity map"].flatten(), decoded(heat["z"]).flatten(), rtol=1e-4)
    assert f">{values['‖J‖²']:.5g}<" in "".join(bodies(page))
    assert values["tangents"].shape == (6, 28, 28)


def test_of_robustness(page, kind):
    page = opened(page, kind, "Robustness")
    page.button_group(key="change").set_value("Rotation")
    page = page.run()
    page.slider(key=keys.strength("Rotation").name).set_value(20.0)
    page = page.run()
    values = values_of(page)
    drawn = curve(page, "contraction_0", SHOWN[kind])
    np.testing.assert_allclose(values["code moved / (r · spread)"], drawn, rtol=1e-4)
    place = labels(kind).index(SHOWN[kind])
    moved = column_texts(page, "code moved, in spreads of the code")
    assert f"{values['code moved, in spreads of the code']:.2g}" == moved[place]


def test_of_meaning(page, kind):
    page = opened(page, kind, "Meaning")
    values = values_of(page)
    errors = values["test errors in percent"]
    drawn = curve(page, "probe_noise", SHOWN[kind])
    np.testing.assert_allclose(drawn[0], errors["probe_error_all"])
    said = re.search(r"A: <b>(\d) \((\d+)%\)", "".join(bodies(page)))
    digit = int(values["reads as"].argmax())
    assert (int(said[1]), int(said[2])) == (digit, round(100 * float(values["reads as"][digit])))


def test_of_the_map(page, kind):
    page = after_slow_work(opened(page, kind, "Map"))
    values = values_of(page)
    assert 0 <= values["place on the map"].min() <= values["place on the map"].max() <= 1
    near = re.findall(r"data-pick='([^']+)' aria-label='[^']* near by its code,", "".join(bodies(page)))
    neighbours = values["neighbours among the test digits"]
    assert near
    assert near[: len(neighbours)] == [pick_of_test_digit(index) for index in neighbours[: len(near)]]


def test_of_mistakes(page, kind):
    page = opened(page, kind, "Mistakes")
    text = "".join(bodies(page))
    values = values_of(page)
    assert values
    for mistake in values.values():
        for number in mistake.values():
            assert f">{number:.4g}<" in text


def test_views_that_say_nothing_of_a_model_offer_nothing(page, kind):
    for view in ("Train", "Learn"):
        page = open_more(opened(page, kind, view))
        assert not [one for one in page.code if one.value.startswith("import")]
    page = open_more(opened(page, kind, "Jacobian", drawn=False))
    assert not [one for one in page.code if one.value.startswith("import")]
