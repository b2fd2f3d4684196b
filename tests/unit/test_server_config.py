"""The settings under which `streamlit run app.py` serves, which no code of ours would miss."""

import tomllib
from pathlib import Path

import pytest

SETTINGS = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("server", "address", "localhost"),
        ("server", "enableXsrfProtection", True),
        ("server", "enableCORS", True),
        ("browser", "gatherUsageStats", False),
        ("client", "showErrorDetails", "none"),
        # With it 20 visitors wait a hundred times longer.
        ("runner", "postScriptGC", False),
        # With it two threads draw the page of one session, and the older one is stopped in the middle.
        ("runner", "fastReruns", False),
    ],
)
def test_the_server_is_private_and_quick_without_options(section, name, value):
    assert SETTINGS[section][name] == value


def test_the_settings_are_ones_that_streamlit_knows():
    from streamlit import config

    for section, settings in SETTINGS.items():
        for name in settings:
            if section != "theme":
                config.get_option(f"{section}.{name}")
