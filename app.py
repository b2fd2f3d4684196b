"""The page, read top to bottom: `streamlit run app.py`."""

from __future__ import annotations

import streamlit as st

from ae_core.ui import (
    canvas,
    live_panels,
    model_picker,
    problems,
    returning,
    shortcuts,
    state,
    style,
    take_away,
    views,
)
from ae_core.ui.problems import guard_part
from ae_core.ui.training import form as training_panel


def main() -> None:
    """Draw the page once; Streamlit calls this again after every interaction."""
    st.set_page_config(page_title="Autoencoder Lab", page_icon="🔢", layout="wide")
    state.warm_up()
    state.initialise()
    state.lab().page_stale = False
    style.apply()

    style.heading()
    model_picker.kind_control()
    with st.sidebar:
        with guard_part():
            model_picker.sidebar()
        with guard_part():
            training_panel.sidebar()
    lab()
    shortcuts.listen()
    returning.welcome()


@st.fragment
def lab() -> None:
    """Canvas, live panels and the open view: a stroke or the slider reruns this part alone."""
    state.compute_on_one_core()
    if state.lab().page_stale:
        st.rerun()
    problems.show()
    choice = model_picker.penalty_slider()
    left, right = st.columns([300, 620], gap="medium")
    with left:
        picture = canvas.draw()
    with right:
        live_panels.show(choice, picture)
        take_away.show(choice, picture)
    with left:
        # After the panels, so that they come first when a stroke is on its way.
        canvas.controls(picture)
    views.show(choice, picture)


if __name__ == "__main__":
    main()
