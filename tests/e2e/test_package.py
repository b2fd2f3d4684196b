"""The wheel, installed where no checkout is: its command opens the page and runs the commands."""

import os
import subprocess
import sys
import urllib.request
import zipfile

import pytest

from tests.e2e.acts import opened
from tests.e2e.conftest import OFFLINE, ROOT, server_process

LAUNCH = "import sys; from ae_core.launch import main; sys.exit(main())"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that holds what is in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def path_of(installed, *others):
    return os.pathsep.join(map(str, (installed, *others)))


def test_the_installed_page_shows_the_shipped_models_on_a_digit(installed, browser, tmp_path):
    command = [sys.executable, "-c", LAUNCH, "open"]
    with (
        server_process(
            tmp_path / "log", command=command, cwd=tmp_path, PYTHONPATH=path_of(installed, OFFLINE)
        ) as (address, _),
        opened(browser, address) as page,
    ):
        page.locator(".st-key-panel_A_reconstruction img").wait_for()
        page.locator(".st-key-all_penalties").wait_for()
    # Whoever stops the command stops the page.
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=5)


def run(installed, folder, *arguments):
    environment = os.environ | {
        "PYTHONPATH": path_of(installed),
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-c", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_the_installed_commands_are_those_of_a_checkout_and_know_what_is_typed(installed, tmp_path):
    told = run(installed, tmp_path, LAUNCH, "--help")
    assert "open the page" in told.stdout
    assert "Usage: autoencoder-lab [OPTIONS] COMMAND" in told.stdout
    shipped = installed / "ae_core" / "shipped" / "checkpoints" / "sparse-0.005-seed-1.safetensors"
    history = run(installed, tmp_path, LAUNCH, "history", str(shipped))
    assert history.stdout.startswith("step,")
    wrong = run(installed, tmp_path, LAUNCH, "train")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("Error: ")


def test_an_installed_package_saves_into_the_user_s_folder_and_ships_what_is_tracked(installed, tmp_path):
    where = "from ae_core.checkpoints.library import LIBRARY, SAVED; print(LIBRARY); print(SAVED)"
    library, saved = run(installed, tmp_path, where).stdout.split()
    assert library == str(installed / "ae_core" / "shipped" / "checkpoints")
    assert saved == str(tmp_path / "autoencoder-lab" / "models")
    tracked = subprocess.run(
        ["git", "ls-files", "ae_core", "checkpoints"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    lacking = [
        name
        for name in tracked
        if not (installed / name).exists() and not (installed / "ae_core" / "shipped" / name).exists()
    ]
    assert not lacking
