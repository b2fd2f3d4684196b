"""The pocket edition, made once and opened from the disk."""

import pytest

from ae_core.pocket.models import open_ladders
from ae_core.pocket.page import to_page
from tests.e2e.pocket.acts import opened


@pytest.fixture(scope="session")
def models():
    return open_ladders()


@pytest.fixture(scope="session")
def file(tmp_path_factory, models):
    """The file with both ladders, on the disk."""
    path = tmp_path_factory.mktemp("pocket") / "lab.html"
    path.write_text(to_page(models), encoding="utf-8")
    return path


@pytest.fixture
def lab(visitor, file):
    """The file, opened from the disk; no script may fail, and nothing may be asked of any network."""
    page = opened(visitor(width=1280, height=720), file)
    yield page
    assert page.complaints == []
