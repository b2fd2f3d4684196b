"""The lab: `streamlit run app.py`. The server imports this file once, and runs it to draw a page."""

from __future__ import annotations

if __name__ == "__main__":
    from ae_core.ui import page

    page.draw()
else:
    import streamlit as st

    from ae_core.ui import server

    app = st.App(__file__, routes=server.routes(), lifespan=server.lifespan)
