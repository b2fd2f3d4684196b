"""What pocket writes. Needs torch, click and the shipped checkpoints."""

import errno

import pytest

from ae_core.checkpoints import files
from ae_core.checkpoints.library import ladder_paths
from ae_core.cli import pocket
from tests.unit.cli.helpers import last_line_of_failure
from tests.unit.conftest import assert_one_error_line

PATH = next(iter(ladder_paths("sparse").values()))


def test_both_ladders_fit_into_13_mb_and_the_size_is_said(run, tmp_path):
    out = tmp_path / "deep" / "lab.html"
    code, said, err = run("pocket", "--out", out)
    assert (code, said) == (0, "")
    size = out.stat().st_size
    assert 12e6 < size < 13e6
    assert err == f"{out}: {size / 1e6:.1f} MB.\n"


def test_named_files_alone_are_in_it_and_a_large_file_is_said(run, tmp_path, saved_checkpoint, monkeypatch):
    _, own = saved_checkpoint("sparse", "sigmoid", "linear")
    out = tmp_path / "lab.html"
    monkeypatch.setattr(pocket, "HANDY_BYTES", 1_000_000)
    code, _, err = run("pocket", "--out", out, own, PATH, "--lab-url", "https://lab.example.org")
    assert code == 0
    page = out.read_text()
    assert page.count('id="weights-') == 2
    assert "contractive" not in page.partition('id="data"')[2].partition("</script>")[0]
    assert 'href="https://lab.example.org"' in page
    assert "more than 1 MB" in err.splitlines()[1]


@pytest.mark.parametrize("content", [b"", b"These are no weights.", b"\0" * 64])
def test_no_checkpoint_is_a_sentence_exit_code_2_and_no_file(run, tmp_path, content):
    bad, out = tmp_path / "bad.safetensors", tmp_path / "lab.html"
    bad.write_bytes(content)
    for wrong in ([PATH, bad], [tmp_path / "absent.safetensors"], [PATH, PATH]):
        code, said, err = run("pocket", "--out", out, *wrong)
        assert (code, said) == (2, "")
        assert_one_error_line(err)
        assert not out.exists()


def test_the_file_is_written_whole_or_not_at_all(run, tmp_path, monkeypatch):
    out = tmp_path / "lab.html"
    out.write_text("what was there")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    assert "No space left" in last_line_of_failure(*run("pocket", "--out", out, PATH))
    assert [path.name for path in tmp_path.iterdir()] == ["lab.html"]
    assert out.read_text() == "what was there"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--out"],
        ["--out", "mine.safetensors"],
        ["--out", "lab.html", "--lab-url", "javascript:alert(1)"],
        ["--out", "lab.html", "--lab-url", "lab.example.org"],
    ],
    ids=" ".join,
)
def test_bad_use_is_one_line_and_exit_code_2(run, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    code, said, err = run("pocket", *arguments)
    assert (code, said) == (2, "")
    assert_one_error_line(err)
    assert list(tmp_path.iterdir()) == []
