"""What the browser sends while an answer is at work, and cuts it off. Needs torch and Streamlit's AppTest."""

from threading import Event

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.testing.v1 import AppTest

from ae_core.analysis.vectors import encode_all
from ae_core.ui import canvas, digit_codes, drawn, keys, session, shown_model, sides, slow_work
from ae_core.ui.state import Selection, lab
from ae_core.ui.training import watching
from tests.app.conftest import APP, choose_kind, show_view, train_on


def say(**moved):
    """What the browser does as something happens on it: it tells of all its widgets, and of these anew."""
    context = get_script_run_ctx()
    # Of a button it tells once.
    known = [one for one in context.session_state.get_widget_states() if not one.HasField("trigger_value")]
    told = WidgetStates(widgets=known)
    for key, value in moved.items():
        (place,) = [one for one in context.shared.widget_ids_this_run.snapshot() if one.endswith(f"-{key}")]
        told.widgets.append(WidgetState(id=place, double_array_value={"data": [value]}))
    context.script_requests.request_rerun(RerunData(widget_states=told, query_string=context.query_string))


@pytest.fixture
def meet(monkeypatch):
    """Have something happen in the browser just as a function is called, the first so many times."""

    def meet(module, name, times=1, **moved):
        function, left = getattr(module, name), iter(range(times))

        def met(*args, **kwargs):
            if next(left, None) is not None:
                say(**moved)
            return function(*args, **kwargs)

        monkeypatch.setattr(module, name, met)
        return lambda: next(left, None) is None

    return meet


@pytest.mark.parametrize("times", [1, 3])
def test_a_slider_s_move_is_kept(page, meet, times):
    has_met = meet(shown_model, "selection", times)
    page.select_slider(key="weight_A_contractive").set_value(1e-5).run()
    assert has_met()
    assert not page.exception
    assert page.select_slider(key="weight_A_contractive").value == 1e-5
    assert page.session_state.lab.selections["A", "contractive"].weight == 1e-5
    assert page.query_params["a"] == "1e-05"


def test_undo_takes_back_one_thing_wholly(page, meet):
    for digit in (2, 7):
        page.button(key=f"digit_{digit}").click().run()
    has_met = meet(drawn, "put")
    page.button(key="undo").click().run()
    assert has_met()
    assert [stroke.sample for stroke in page.session_state.lab.strokes] == [None, "2.0"]
    assert page.query_params["sample"] == "2.0"


def test_a_model_that_was_trained_is_listed(page, meet, small_mnist):
    has_met = meet(watching, "wrap_trained")
    page = train_on(page, epochs=1, batch_size=200)
    assert has_met()
    assert not page.exception
    assert len(page.session_state.lab.models) == 1


def test_what_the_address_could_not_say_then_it_says_later(page, meet):
    has_met = meet(session, "write_address")
    page.button(key="digit_2").click().run()
    assert has_met()
    assert page.query_params["sample"] == "2.0"


@pytest.mark.parametrize("module, name", [(shown_model, "follow"), (drawn, "follow"), (canvas, "column")])
def test_a_link_is_followed_to_its_end(meet, module, name):
    page = AppTest.from_file(str(APP), default_timeout=60)
    page.query_params.update({"a": "1e-05", "b": "0.01", "noise": "0.2", "sample": "3.1", "view": "Compare"})
    has_met = meet(module, name)
    page.run()
    assert has_met()
    assert page.select_slider(key="weight_A_contractive").value == 1e-5
    assert page.select_slider(key="weight_B_contractive").value == 1e-2
    assert page.slider(key="noise").value == 0.2
    assert page.session_state.lab.strokes[-1].sample == "3.1"
    assert page.session_state.view == "Compare"


def test_what_is_done_on_a_page_that_is_not_drawn_to_its_end_yet_is_kept(meet):
    page = AppTest.from_file(str(APP), default_timeout=60)
    has_met = meet(sides, "controls", noise=0.35)
    page.query_params.update({"noise": "0.2", "view": "Train"})
    page.run()
    assert has_met()
    assert page.slider(key="noise").value == 0.35
    assert page.query_params["noise"] == "0.35"
    assert page.session_state.view == "Train"


@pytest.mark.parametrize("view", ["Play", "Train", "Units", "Robustness"])
def test_a_page_that_is_drawn_again_moves_no_control_that_a_hand_may_be_moving(page, view, small_mnist):
    page.session_state["data"] = True
    page = train_on(show_view(page, "Train"), epochs=1, batch_size=200) if view == "Train" else page
    page = show_view(page, view).run()
    controls = [*page.slider, *page.select_slider, *page.selectbox]
    assert {"noise", "data_set"} <= {control.key for control in controls}
    assert [control.key for control in controls if control.proto.set_value] == []


def test_a_slider_goes_where_another_control_puts_its_model(page):
    page.session_state["kind"] = "sparse"
    page.run()
    page.session_state.lab.selections["A", "sparse"] = Selection(keys.LADDER, 2e-2)
    page.run()
    assert page.select_slider(key="weight_A_sparse").proto.set_value
    assert page.select_slider(key="weight_A_sparse").value == 2e-2


def test_while_the_test_digits_are_encoded_the_page_listens(page, monkeypatch):
    begun, heard, done = [], [], Event()

    def encode(*asked):
        begun.append(asked)
        assert done.wait(60), "nobody listened"
        return encode_all(*asked)

    def look():
        heard.append(keys.NOISE.get())
        if len(heard) == 1:
            say(noise=0.35)
        else:
            done.set()
        return lab()

    monkeypatch.setattr(digit_codes, "encode_all", encode)
    monkeypatch.setattr(digit_codes, "_codes", slow_work.SlowWork(digit_codes._encode, kept=4))
    monkeypatch.setattr(slow_work, "lab", look)
    page = show_view(choose_kind(page, "sparse"), "Units")
    assert not page.exception
    assert heard[:2] == [0.0, 0.35]
    assert len({id(model) for model, _ in begun}) == len(begun), "each model once"
    assert any(slider.label.startswith("Activation of unit") for slider in page.slider)
