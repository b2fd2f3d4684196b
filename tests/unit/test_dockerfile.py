"""The image's recipe: what a linter says of it, and that all it copies is there. Needs hadolint."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_a_linter_finds_nothing():
    said = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True
    )
    assert (said.returncode, said.stdout) == (0, ""), said.stdout + said.stderr


def test_what_is_copied_is_there_and_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sources = [
        name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    ]
    assert {"ae_core", "checkpoints", "app.py"} <= set(sources)
    for name in sources:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


def test_it_ends_as_a_user_without_rights_whose_files_are_kept():
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001"]
    assert "XDG_DATA_HOME=/data" in DOCKERFILE
    assert "VOLUME /data" in DOCKERFILE


def test_the_image_has_the_versions_that_the_lab_asks_for():
    requirements = (ROOT / "requirements.txt").read_text().splitlines()
    for name in ("torch", "torchvision"):
        (asked,) = [line for line in requirements if re.match(rf"{name}[>=]", line)]
        assert f'"{asked}"' in DOCKERFILE
