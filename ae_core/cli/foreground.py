"""Training for a command: a bar on standard error, and a state that the same command resumes.

Under torchrun several processes train together; the first alone writes and speaks.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from pathlib import Path

import click

from ae_core.analysis.metrics import Metrics
from ae_core.checkpoints import Checkpoint, save_checkpoint
from ae_core.config import Recipe
from ae_core.data import DataSet
from ae_core.errors import CheckpointError, LabError, RunGoneError, TrainingDivergedError
from ae_core.training import distributed
from ae_core.training.compute import Compute
from ae_core.training.job import Job
from ae_core.training.progress import TrainProgress
from ae_core.training.run_folder import RunFolder, load_run, runs_dir


def start_job(recipe: Recipe, compute: Compute, out: Path, directory: Path, data: DataSet) -> Job:
    """The job that trains a recipe for a file, resumed if the same command was interrupted.

    Args:
        directory: holds the folder of its state; where that cannot be made, a warning is printed.
        data: the images that the recipe is for.
    Raises:
        RunInUseError: if the same command is at work.
    """
    folder = _folder_for(recipe, compute, out, directory) if distributed.rank() == 0 else None
    return Job.resume_or_start(recipe, compute, folder, str(out.resolve()), _say, data)


def _folder_for(recipe: Recipe, compute: Compute, out: Path, directory: Path) -> RunFolder | None:
    what = json.dumps([recipe.as_dict(), str(compute), str(out.resolve())], sort_keys=True)
    name = f"{out.stem}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"
    try:
        return RunFolder(directory / name, make=True)
    except OSError as error:
        _say(f"The state of this run cannot be kept in {directory}: {error.strerror or error}.")
        return None


def open_job(name: str, directory: Path, out: Path | None) -> Job:
    """Resume an interrupted run, by its name; only the first process keeps the state.

    Args:
        directory: holds the runs' folders.
        out: the file that its model goes to; None leaves it as it was.
    Raises:
        click.UsageError: if there is no such run.
        CheckpointError: if its state is damaged.
        RunInUseError: if somebody works on it.
    """
    target = None if out is None else str(out.resolve())
    if distributed.rank() == 0:
        return Job.resume(_open_folder(name, directory), target, _say)
    return Job.follow(load_run(directory / name), target)


def forget(name: str, directory: Path) -> None:
    """Remove the state of an interrupted run, be it damaged or not.

    Raises:
        click.UsageError: if there is no such run.
        RunInUseError: if somebody works on it.
    """
    _open_folder(name, directory).remove()


def _open_folder(name: str, directory: Path) -> RunFolder:
    try:
        if Path(name).name == name:
            return RunFolder(directory / name)
    except RunGoneError:
        pass
    raise click.UsageError(f"There is no run {name} in {directory}: python -m ae_core runs lists them.")


def last_good_path(out: Path) -> Path:
    """Where the weights go that a model had before its training diverged."""
    return out.with_stem(f"{out.stem}.last-good")


def train_to_file(job: Job, out: Path) -> Checkpoint[Metrics] | None:
    """Train, measure and save.

    Returns:
        None in processes other than the first.
    Raises:
        CheckpointError: if the file cannot be written; the state stays, so that nothing is lost.
        LabError: if the training diverged; the message names the file beside `out` that the last good
            weights are in.
    """
    try:
        problem = None
        try:
            train_with_bar(job, out.stem)
        except TrainingDivergedError as error:
            out = last_good_path(out)
            problem = f"{error} The weights of step {error.good_step} are in {out}."
        if distributed.rank() > 0:
            return None
        checkpoint = job.checkpoint()
        try:
            save_checkpoint(checkpoint, out)
        except CheckpointError as error:
            raise CheckpointError(f"{error} {_how_to_save_it(job.folder)}") from error
        job.forget()
        if problem is not None:
            raise LabError(problem)
        return checkpoint
    except KeyboardInterrupt:
        raise click.ClickException(_how_to_go_on(job.folder)) from None
    finally:
        job.close()


def train_with_bar(job: Job, label: str) -> None:
    """Train a job to its end; of several processes the first shows how far it is.

    Raises:
        TrainingDivergedError: as `Job.train`.
        DataError: likewise.
    """
    if distributed.rank() > 0:
        for _ in job.train():
            pass
        return
    compute, processes = job.compute, distributed.world_size()
    together = f", {processes} processes together" if processes > 1 else ""
    _say(f"{label} on {compute} ({compute.reason}{together})")
    if job.steps_done:
        _say(f"{label} was interrupted and goes on after step {job.steps_done:,}.")
    warning = None
    with click.progressbar(length=1000, label=label, file=sys.stderr, item_show_func=_status) as bar:
        for progress in job.train():
            bar.update(round(1000 * progress.fraction) - bar.pos, progress)
            if job.warning not in (None, warning):
                warning = job.warning
                _say(f"\n{warning}")


def _status(progress: TrainProgress | None) -> str:
    if progress is None:
        return ""
    return f"epoch {progress.epoch}  mse {progress.mse:.5f}  penalty {progress.penalty:.4g}"


def _how_to_go_on(folder: RunFolder | None) -> str:
    stopped = "Stopped before the end; the unfinished model was not written."
    if folder is None or not folder.has_state:
        return stopped
    return f"{stopped} To go on: {command_for(folder.path, 'train', '--resume')}"


def _how_to_save_it(folder: RunFolder | None) -> str:
    if folder is None or not folder.has_state:
        return "No state of the run was kept: when there is room, it has to be trained again."
    command = command_for(folder.path, "train", "--resume")
    return f"The state of the run is kept. To save the model, there or with --out elsewhere: {command}"


def command_for(run: Path, command: str, option: str) -> str:
    """A command on a run's folder, as a shell takes it."""
    elsewhere = [] if run.parent == runs_dir() else ["--runs-dir", str(run.parent)]
    return shlex.join(["python", "-m", "ae_core", command, *elsewhere, option, run.name])


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
