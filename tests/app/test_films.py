"""Winding back by films, in Streamlit's test harness. Needs the shipped checkpoints and the shipped film."""

from ae_core.analysis.inspection import inspect
from ae_core.analysis.notation import value_text
from ae_core.checkpoints.film import film_path, load_film
from ae_core.checkpoints.library import ladder_paths
from ae_core.ui import films, library, models_menu, shown_model, take_away
from tests.app.conftest import (
    choose_kind,
    gauges,
    models_in_sight,
    open_more,
    show_view,
    slide,
    texts,
    train_on,
)


def test_the_models_in_sight_are_wound_back_to_any_frame_of_their_films(page, small_mnist):
    page = train_on(choose_kind(page, "sparse"), epochs=2)
    (run,) = page.session_state["lab"].runs
    (title,) = page.session_state["lab"].models
    film = run.camera.film()
    now = gauges(page)
    slider = page.select_slider(key="wound_to")
    assert slider.options == [*(f"{step:,}" for step in film.steps), "now"]
    shown = []
    for step in film.steps[:4]:
        page.select_slider(key="wound_to").set_value(step)
        page = page.run()
        assert not page.exception
        assert models_in_sight(page) == [f"A: {title}, step {step}"]
        seen = page.session_state["lab"].see(0.0)
        expected = inspect(film.model(film.at(step)), seen.x).jacobian_sq_norm
        assert value_text(expected) in gauges(page)
        shown.append(gauges(page))
    assert len({*shown, now}) == 5
    # Other views show the model as it is, and so does the slider's end.
    page = show_view(page, "Play")
    assert models_in_sight(page) == [f"A: {title}"]
    page = show_view(page, "Train")
    page.select_slider(key="wound_to").set_value(films.NOW)
    assert gauges(page.run()) == now


def test_two_films_are_wound_on_one_axis_of_time(page, small_mnist):
    page = train_on(choose_kind(page, "sparse"), epochs=2)
    page = train_on(page, epochs=1)
    one, two = page.session_state["lab"].models
    page.button(key="compare_b").click()
    page = page.run()
    page.selectbox(key="model_B_sparse").set_value(one)
    page = page.run()
    page.select_slider(key="wound_to").set_value(3)
    page = page.run()
    assert models_in_sight(page) == [f"A: {two}, step 3", f"B: {one}, step 3"]
    assert page.select_slider(key="wound_to").label == "Wind A and B back to step"


def test_what_is_wound_back_is_not_taken_away(page, monkeypatch):
    page = choose_kind(page, "sparse")
    page = slide(page, "weight_A_sparse", 0.0)
    page.button(key="compare_b").click()
    page = page.run()
    page = show_view(slide(page, "weight_B_sparse", 5e-3), "Train")
    film = load_film(film_path(ladder_paths("sparse")[5e-3]))
    page.select_slider(key="wound_to").set_value(film.steps[1])
    page = open_more(page.run())
    assert models_in_sight(page)[1] == f"B: β = 5·10⁻³, step {film.steps[1]:,}"
    comparable = []
    monkeypatch.setattr(
        take_away, "comparable", lambda shown: comparable.append(shown_model.comparable(shown)) or []
    )
    page = page.run()
    assert not page.exception
    labels = [model.label for model in comparable[0]]
    assert len(labels) == len(set(labels))
    assert not any(model.is_moment for model in comparable[0])


def test_a_film_is_saved_with_its_model_and_wound_back_from_the_file(
    page, small_mnist, few_measured, monkeypatch, tmp_path
):
    monkeypatch.setattr("ae_core.checkpoints.library.SAVED", tmp_path)
    page = open_more(train_on(choose_kind(page, "sparse"), epochs=1))
    (run,) = page.session_state["lab"].runs
    page.text_input(key="save_name").set_value("mine")
    page.run()
    page.button(key="save").click()
    page = page.run()
    assert not page.error
    film = load_film(film_path(tmp_path / "mine.safetensors"))
    assert film.steps == run.camera.film().steps
    page.selectbox(key="model_A_sparse").set_value("mine.safetensors")
    page = page.run()
    page.select_slider(key="wound_to").set_value(film.steps[1])
    page = page.run()
    assert models_in_sight(page) == [f"A: mine (file), step {film.steps[1]}"]


def test_a_model_whose_film_finds_no_room_is_saved_and_says_so(page, small_mnist, monkeypatch, tmp_path):
    def no_room(film, path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(models_menu, "save_film", no_room)
    monkeypatch.setattr("ae_core.checkpoints.library.SAVED", tmp_path)
    page = open_more(train_on(choose_kind(page, "sparse"), epochs=1))
    page.text_input(key="save_name").set_value("mine")
    page.run()
    page.button(key="save").click()
    page = page.run()
    assert (tmp_path / "mine.safetensors").exists()
    (said,) = texts(page.error)
    assert said.startswith("The model is saved, its film is not: ")
    assert "No space left" in said


def test_a_shipped_film_is_wound_back_without_training_and_other_models_say_how_to_get_one(
    page, few_measured
):
    page = show_view(choose_kind(page, "sparse"), "Train")
    film = load_film(film_path(ladder_paths("sparse")[5e-3]))
    page.select_slider(key="wound_to").set_value(film.steps[1])
    page = page.run()
    assert models_in_sight(page) == [f"A: β = 5·10⁻³, step {film.steps[1]:,}"]
    page = slide(page, "weight_A_sparse", 0.02)
    assert any("python -m ae_core film" in text for text in texts(page.caption))
    assert models_in_sight(page) == ["A: β = 2·10⁻²"]


def test_a_damaged_film_is_a_sentence_and_its_model_is_shown(page, monkeypatch, tmp_path):
    damaged = tmp_path / "film.safetensors"
    damaged.write_bytes(b"no film")
    monkeypatch.setattr(library, "film_path", lambda _: damaged)
    page = show_view(choose_kind(page, "sparse"), "Train")
    assert not page.exception
    (message,) = texts(page.error)
    assert "film.safetensors is not a readable safetensors file" in message
    assert models_in_sight(page) == ["A: β = 5·10⁻³"]
