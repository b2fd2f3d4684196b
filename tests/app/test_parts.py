"""Parts of the page that can be drawn again alone."""

from streamlit.testing.v1 import AppTest


def _one_in_another():
    import streamlit as st

    from ae_core.ui import state
    from ae_core.ui.parts import part

    def outer():
        try:
            part(lambda: None)()
        except Exception as error:
            st.text(str(error))

    state.initialise()
    part(outer)()


def test_a_part_in_another_is_refused():
    page = AppTest.from_function(_one_in_another).run()
    assert page.exception
    assert "lies in another part of the page" in page.text[0].value
