"""The command that holds the papers' claims against models of this lab."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ae_core.cli.options import compute_of_option, device_option
from ae_core.errors import LabError
from ae_core.sweep.findings import CLAIMS, Finding, save_findings, verdict
from ae_core.sweep.papers import cells, findings, measure
from ae_core.sweep.worker import work_on


@click.command("papers")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("papers"),
    show_default=True,
    help="The folder of the models; what is there is not trained again.",
)
@click.option("--store", is_flag=True, help="Keep the findings for the page.")
@device_option
def papers_command(out: Path, store: bool, device: str) -> None:
    """Train what the papers' claims need, five seeds each, measure it, and print published and own values.

    Half an hour on two cores; the same command goes on where it was interrupted.
    """
    subjects = cells(out)
    every = [cell for seeds in subjects.values() for cell in seeds]
    work_on(every, compute_of_option(device), 0, 1, lambda sentence: click.echo(sentence, err=True))
    given_up = [problem for cell in every if cell.result() is None and (problem := cell.problem())]
    if given_up:
        raise LabError(given_up[0])
    measured: dict[str, list[dict[str, float]]] = {}
    with click.progressbar(length=len(every), label="measuring", file=sys.stderr) as bar:
        for name, seeds in subjects.items():
            measured[name] = []
            for cell in seeds:
                measured[name].append(measure(name, cell))
                bar.update(1)
    found = findings(measured)
    if store:
        save_findings(found)
    for claim, said in CLAIMS.items():
        click.echo(f"{said.title}\n  published: {said.published}\n  {said.differs}")
        for one in found:
            if one.claim == claim:
                click.echo(f"    {_line(one)}")
        click.echo(f"  {verdict(claim, found)}")


def _line(one: Finding) -> str:
    return f"{one.value}, {one.model}: {one.mean:.4g} (deviation {one.deviation:.2g}, {one.seeds} seeds)"
