"""What the papers claim, beside what this lab's own models do."""

from __future__ import annotations

import streamlit as st

from ae_core.sweep.findings import CLAIMS, load_findings, verdict
from ae_core.ui import style
from ae_core.ui.problems import guard_part


def show() -> None:
    """Each claim: published, here, and whether it holds; a sentence where the findings cannot be read."""
    style.question("Held against the papers")
    with guard_part():
        found = load_findings()
        for name, claim in CLAIMS.items():
            rows = [one for one in found if one.claim == name]
            with st.expander(claim.title):
                st.markdown(f"**Published.** {claim.published}")
                st.markdown(claim.differs)
                st.dataframe(
                    {
                        "value": [one.value for one in rows],
                        "model": [one.model for one in rows],
                        "mean": [one.mean for one in rows],
                        "deviation": [one.deviation for one in rows],
                        "seeds": [one.seeds for one in rows],
                    },
                    hide_index=True,
                    column_config={
                        name: st.column_config.NumberColumn(format="%.4g") for name in ("mean", "deviation")
                    },
                    key=f"papers_{name}",
                )
                st.markdown(f"**Verdict.** {verdict(name, rows)}")
        st.caption(
            "Means and standard deviations over five seeds, by “python -m ae_core papers”. What is called "
            "smaller or larger differs by more than both deviations together."
        )
