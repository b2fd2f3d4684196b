"""The command line: train, resume, train a ladder or a grid, evaluate a file, measure how fast it all is."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import replace
from pathlib import Path

import click

from ae_core.analysis.evaluation import evaluate
from ae_core.analysis.glossary import ON_THE_TEST_SET, term
from ae_core.analysis.metrics import Metrics
from ae_core.analysis.notation import value_text
from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.checkpoints.history import Row
from ae_core.cli.data import data_command
from ae_core.cli.data_options import data_for, data_options
from ae_core.cli.figure import figure_command
from ae_core.cli.film import film_command
from ae_core.cli.map import map_command
from ae_core.cli.options import compute_of_option, device_option, json_option, print_json
from ae_core.cli.papers import papers_command
from ae_core.cli.pocket import pocket_command
from ae_core.cli.probe import probe_command
from ae_core.cli.sweep import sweep_command
from ae_core.cli.train import ladder_command, runs_command, train_command
from ae_core.data.fitting import Fit
from ae_core.errors import explain


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Autoencoder Lab: regularised autoencoders on MNIST."""


for command in (
    train_command,
    runs_command,
    ladder_command,
    sweep_command,
    figure_command,
    film_command,
    probe_command,
    map_command,
    pocket_command,
    papers_command,
    data_command,
):
    cli.add_command(command)


@cli.command("evaluate")
@click.argument("file", type=click.Path(path_type=Path))
@device_option
@click.option("--store", is_flag=True, help="Replace the values in the file by these; its weights stay.")
@json_option
@data_options
def evaluate_command(file: Path, device: str, store: bool, as_json: bool, data: str | None, fit: Fit) -> None:
    """Measure a checkpoint on the test set; prints its values.

    With --json all of them in one object, those of each unit among them.
    """
    checkpoint = load_checkpoint(file, compute_of_option(device).device)
    images = data_for(file, checkpoint, data, fit, "What a file stores" if store else None).images("test")
    metrics = evaluate(checkpoint.model, images)
    # First: what took a minute to measure is not lost with a disk that is full.
    if as_json:
        print_json(metrics.as_dict())
    else:
        _print_values(metrics)
    if store:
        save_checkpoint(replace(checkpoint, metrics=metrics), file)


def _print_values(metrics: Metrics) -> None:
    for name in ON_THE_TEST_SET:
        value = metrics.value_of(name)
        text = "undefined" if value is None else value_text(value)
        click.echo(f"{text:>10}  {term(name).label}")


@cli.command("history")
@click.argument("file", type=click.Path(path_type=Path))
def history_command(file: Path) -> None:
    """Print how the training of a checkpoint went, as CSV: the losses of each report by its step.

    A change of settings while it trained is a line of its own, before the losses that it brought.
    """
    checkpoint = load_checkpoint(file)
    if not checkpoint.history:
        raise click.ClickException(f"{file} holds no history: it was saved before files kept one.")
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow([*Row._fields, "change"])
    changes = list(checkpoint.train_config.changes)
    for row in checkpoint.history:
        while changes and changes[0].step < row.step:
            change = changes.pop(0)
            what = " ".join(f"{name}={value:g}" for name, value in change.values.items())
            table.writerow([change.step, *[""] * (len(Row._fields) - 1), what])
        table.writerow([*row, ""])


@cli.command("bench")
@device_option
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Their median counts.")
@click.option(
    "--images", type=click.IntRange(1, 60_000), default=60_000, show_default=True, help="To train on."
)
def bench_command(device: str, repeats: int, images: int) -> None:
    """Time training and Jacobians beside plain PyTorch; prints a table in Markdown. Minutes on a CPU."""
    # Its libraries are needed by no other command.
    from ae_core.cli.bench.rows import HEADING, bench, machine

    compute = compute_of_option(device)
    click.echo(f"Measured on {machine(compute)}; medians of {repeats}.\n\n{HEADING}")
    for row in bench(compute, repeats, images):
        click.echo(row)


def _print_on_any_terminal() -> None:
    """Have a character that the terminal lacks printed as a question mark instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        # Streams that a test or a notebook puts in their place may take all characters and have no setting.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def main(arguments: list[str] | None = None, name: str = "python -m ae_core") -> int:
    """Run a command; returns the exit code: 2 for bad use, 1 for a failure, with a line on standard error.

    Args:
        name: what the user typed, for the help.
    """
    _print_on_any_terminal()
    try:
        return cli.main(arguments, prog_name=name, standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        return 2
    except click.UsageError as error:
        return _fail(2, error.format_message())
    except click.ClickException as error:
        return _fail(1, error.format_message())
    except (click.Abort, KeyboardInterrupt):
        return _fail(1, "Stopped before the end.")
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        return _fail(1, sentence)


def _fail(code: int, sentence: str) -> int:
    click.echo(f"Error: {' '.join(sentence.split())}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
