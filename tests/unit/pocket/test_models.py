"""Which models a pocket edition holds, and under which names. Needs torch and the shipped checkpoints."""

import shutil
from dataclasses import replace

import pytest

from ae_core.analysis.evaluation import measure_without_jacobians
from ae_core.analysis.ladder_range import LadderRange
from ae_core.analysis.metrics import PartialMetrics
from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.checkpoints.library import denoising_paths, ladder_paths
from ae_core.checkpoints.probe_file import probe_path
from ae_core.data import Mnist, load_mnist
from ae_core.errors import CheckpointError, PocketError
from ae_core.pocket import models
from ae_core.pocket.models import ladder_range, open_ladders, open_models

WEAKEST, *_, STRONGEST = ladder_paths("sparse").values()


def test_a_rung_is_called_by_its_weight_and_any_other_model_by_its_name():
    (denoising, *_) = denoising_paths("sparse").values()
    opened = {model.name: model for model in open_models([STRONGEST, denoising, WEAKEST])}
    titles = [model.title for model in opened.values()]
    assert titles == ["β = 0", "sparse-0-denoising, input noise 0.3", "β = 2·10⁻²"]
    assert opened["sparse-0-denoising"].label == "sparse-0-denoising"
    assert opened["sparse-0.02"].label == "2·10⁻²"


def test_kinds_keep_their_order_and_ladders_theirs():
    paths = [*ladder_paths("sparse").values(), *ladder_paths("contractive").values()]
    assert [model.name for model in open_models(paths[::-1])] == [
        path.stem for path in (*paths[6:], *paths[:6])
    ]
    assert [model.name for model in open_ladders(["sparse"])] == [path.stem for path in paths[:6]]


def test_two_files_of_one_name_and_no_checkpoints_are_sentences(tmp_path):
    copy = tmp_path / WEAKEST.name
    shutil.copy(WEAKEST, copy)
    with pytest.raises(PocketError, match="Two files are called sparse-0:"):
        open_models([WEAKEST, copy])
    with pytest.raises(CheckpointError, match="There is no file"):
        open_models([tmp_path / "absent.safetensors"])


def test_the_probe_beside_a_file_is_its_reader_if_it_is_that_model_s(tmp_path):
    path = tmp_path / WEAKEST.name
    shutil.copy(WEAKEST, path)
    assert open_models([path])[0].reader is None
    probe_path(path).parent.mkdir()
    shutil.copy(probe_path(STRONGEST), probe_path(path))
    assert open_models([path])[0].reader is None, "of another model"
    shutil.copy(probe_path(WEAKEST), probe_path(path))
    assert open_models([path])[0].reader is not None


def test_a_model_that_was_never_measured_is_measured(saved_checkpoint, monkeypatch):
    images, labels = load_mnist("test")
    monkeypatch.setattr(models, "load_mnist", lambda _: Mnist(images[:20], labels[:20]))
    checkpoint, path = saved_checkpoint("sparse")
    save_checkpoint(replace(checkpoint, metrics=PartialMetrics({})), path)
    (opened,) = open_models([path])
    expected = measure_without_jacobians(checkpoint.model, images[:20])
    assert opened.checkpoint.metrics == expected


def test_the_axes_are_those_of_the_shipped_ladder_whatever_is_shown(saved_checkpoint, monkeypatch, tmp_path):
    _, path = saved_checkpoint("sparse")
    shown = open_models([path])
    shipped = LadderRange.of([load_checkpoint(rung).metrics for rung in ladder_paths("sparse").values()])
    assert ladder_range("sparse", shown) == shipped
    monkeypatch.setattr(models, "ladder_paths", lambda kind: ladder_paths(kind, tmp_path))
    assert ladder_range("sparse", shown) == LadderRange.of([shown[0].checkpoint.metrics])
