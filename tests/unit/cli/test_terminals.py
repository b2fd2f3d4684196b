"""No terminal, whatever letters it lacks, and no reader that leaves ends a command badly. Needs click."""

import io
import os
import subprocess
import sys
import textwrap

import pytest

import ae_core.cli.bench.rows
from ae_core.cli.commands import cli, main

ROWS = ["| λ = 1e-4, ‖J‖² 4.0, β₁ |", "| 🔢 |"]


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict", write_through=True)

    def printed(self):
        return self.buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "cp932", "koi8-r", "latin-1", "utf-8"])
def test_what_a_code_page_lacks_is_a_question_mark_and_the_rest_is_printed(monkeypatch, encoding):
    out, err = Terminal(encoding), Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(ae_core.cli.bench.rows, "bench", lambda *_: iter(ROWS))
    assert main(["bench", "--device", "cpu"]) == 0
    expected = [row.encode(encoding, "replace").decode(encoding) for row in ROWS]
    assert out.printed().splitlines()[-2:] == expected
    # A name that is no text, as a disk can have it, is printed in no encoding.
    assert main(["evaluate", os.fsdecode("λ-\N{KEYCAP TEN}-".encode() + b"\xff.safetensors")]) == 1
    assert err.printed().startswith("Error: ")
    assert err.printed().rstrip().endswith(".")


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_no_command_s_words_are_too_much_for_a_code_page(monkeypatch, command):
    out, err = Terminal("cp437"), Terminal("cp437")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main([command, "--help"]) == 0
    assert "Usage: " in out.printed()
    assert main([command, "--λ-‖J‖²"]) == 2
    assert err.printed().startswith("Error: ")


def test_a_stream_that_cannot_be_set_up_is_printed_to_as_it_is(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(ae_core.cli.bench.rows, "bench", lambda *_: iter(ROWS))
    assert main(["bench", "--device", "cpu"]) == 0
    assert out.getvalue().splitlines()[-2:] == ROWS


PROGRAM = """
    import sys
    import ae_core.cli.bench.rows
    from ae_core.cli.commands import main

    ae_core.cli.bench.rows.bench = lambda *_: (f"| λ = {number}, ‖J‖² |" for number in range(20_000))
    sys.exit(main(["bench", "--device", "cpu"]))
"""


def test_a_real_process_with_a_strict_code_page_prints_all_rows():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        env={**os.environ, "PYTHONIOENCODING": "cp1252:strict"},
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("cp1252").splitlines()[-1] == "| ? = 19999, ?J?² |"


def test_a_reader_that_leaves_ends_a_command_quietly():
    # More than the pipe holds, so that the command is still writing when its reader has left.
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1
