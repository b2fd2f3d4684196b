"""Settings that change while a model trains, pauses and going on, all of it bit for bit. Needs torch."""

import pytest
import torch

from ae_core.checkpoints import read_checkpoint
from ae_core.checkpoints.checkpoint import to_bytes
from ae_core.config import KINDS, Change
from ae_core.data import load_mnist
from ae_core.errors import CheckpointError
from ae_core.training.job import Job
from ae_core.training.loop import train
from ae_core.training.run_folder import RunFolder
from ae_core.training.steering import Steering
from tests.unit.training.helpers import (
    BFLOAT16,
    FLOAT32,
    assert_equal,
    recipe_of,
    weights_of,
)

pytestmark = pytest.mark.usefixtures("few_images")


KNOBS = {
    "contractive": {"penalty_weight": 0.5, "learning_rate": 2e-3},
    "sparse": {"penalty_weight": 0.5, "sparsity_target": 0.2},
}


@pytest.mark.parametrize("compute", [FLOAT32, BFLOAT16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_changes_act_at_the_next_step_and_replaying_them_gives_the_same_weights(kind, compute):
    # With a constant rate of 1e-3 no unit of the sparse code dies in so few steps.
    steady = {"learning_rate": 1e-3, "schedule": "constant"}
    job = Job(recipe_of(kind, **steady), compute)
    job.steering.halt(7)
    for progress in job.train():
        if progress.step == 7:
            job.steering.change(**KNOBS[kind])
            job.steering.halt(19)
        if progress.step == 19:
            job.steering.change(penalty_weight=0.0, epochs=4)
    assert progress.step == progress.total_steps == 40
    first, second = job.recipe.train.changes
    assert (first.step, first.values) == (7, KNOBS[kind])
    assert (second.step, second.values) == (19, {"penalty_weight": 0.0, "epochs": 4})
    changed = job.model.state_dict()
    assert_equal(weights_of(job.recipe, compute), changed)
    if compute is BFLOAT16:
        # Which steps feel a change does not depend on the precision.
        return
    plain = weights_of(recipe_of(kind, **steady), compute)
    assert any(not torch.equal(value, plain[name]) for name, value in changed.items())
    other = weights_of(recipe_of(kind, **steady, changes=(Change(8, **KNOBS[kind]), second)), compute)
    assert any(not torch.equal(value, other[name]) for name, value in changed.items())


@pytest.mark.parametrize("name", ["penalty_weight", "learning_rate", "sparsity_target"])
def test_each_setting_alone_changes_the_weights(name):
    value = {"penalty_weight": 1.0, "learning_rate": 1e-4, "sparsity_target": 0.3}[name]
    changed = weights_of(recipe_of("sparse", changes=(Change(25, **{name: value}),)))
    plain = weights_of(recipe_of("sparse"))
    assert any(not torch.equal(value, plain[key]) for key, value in changed.items())


def test_a_change_survives_a_resume_whenever_the_run_is_interrupted(tmp_path):
    recipe = recipe_of("sparse", changes=(Change(12, penalty_weight=0.3),))
    expected = weights_of(recipe)
    for interrupted_after in (13, 17, 22):
        folder = RunFolder.create(recipe_of("sparse"), tmp_path)
        job = Job(recipe_of("sparse"), FLOAT32, folder)
        job.steering.halt(12)
        for progress in job.train():
            if progress.step == 12:
                job.steering.change(penalty_weight=0.3)
                job.steering.halt(interrupted_after)
            if progress.step == interrupted_after:
                break
        # As if the process had died: the state on the disk is all that is left.
        job.close()
        again = Job.resume(RunFolder(folder.path))
        assert again.recipe.train.changes == recipe.train.changes
        assert list(again.train())
        assert_equal(expected, again.model.state_dict())
        again.close()


def test_an_impossible_value_is_a_sentence_and_changes_nothing():
    steering = Steering(recipe_of("sparse").train)
    steering.at(5)
    for values, says in (
        ({"penalty_weight": -1.0}, "penalty_weight must be a number of at least 0"),
        ({"sparsity_target": 1.0}, "strictly between 0 and 1"),
        ({"learning_rate": float("nan")}, "learning_rate must be a number above 0"),
        ({"penalty_weight": 1.0, "epochs": 0}, "epochs must be a whole number"),
        ({"batch_size": 7}, "batch_size cannot change while a model trains"),
    ):
        with pytest.raises(ValueError, match=says):
            steering.change(**values)
    assert steering.at(6) == recipe_of("sparse").train
    assert steering.config.changes == ()


def test_several_changes_before_one_step_are_one_and_the_last_value_counts():
    steering = Steering(recipe_of("sparse").train)
    steering.at(3)
    steering.change(penalty_weight=0.1)
    steering.change(penalty_weight=0.2, learning_rate=0.5)
    assert steering.settings.penalty_weight == 0.2
    assert steering.at(4).penalty_weight == 0.2
    steering.change(penalty_weight=0.2)
    assert steering.at(5).penalty_weight == 0.2
    assert steering.config.changes == (Change(4, penalty_weight=0.2, learning_rate=0.5),)


def test_a_change_keeps_those_that_are_still_to_come():
    steering = Steering(recipe_of("sparse", changes=(Change(20, learning_rate=1e-4),)).train)
    steering.change(penalty_weight=0.7)
    assert (steering.at(2).penalty_weight, steering.at(19).learning_rate) == (0.7, 1e-2)
    assert (steering.at(20).penalty_weight, steering.at(20).learning_rate) == (0.7, 1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        (Change(3, penalty_weight=1.0), Change(3, penalty_weight=2.0)),
        (Change(-1, penalty_weight=1.0),),
        (Change(1),),
        (Change(1, epochs=0),),
        (Change(1, learning_rate=True),),
    ],
)
def test_changes_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match=r"change|epochs|learning_rate"):
        recipe_of("sparse", changes=changes)


def test_a_contractive_recipe_has_no_sparsity_target_to_change():
    with pytest.raises(ValueError, match="belongs to sparse models"):
        recipe_of("contractive", changes=(Change(1, sparsity_target=0.1),))


def test_fewer_epochs_end_the_run_after_the_one_at_work():
    job = Job(recipe_of("sparse", epochs=10), FLOAT32)
    job.steering.halt(13)
    for progress in job.train():
        if progress.step == 13:
            job.steering.change(epochs=1)
    assert progress.step == progress.total_steps == 20
    assert_equal(weights_of(job.recipe), job.model.state_dict())


def test_the_checkpoint_holds_the_changes_and_damaged_ones_are_a_sentence():
    job = Job(recipe_of("sparse", changes=(Change(5, penalty_weight=0.5, epochs=1),)), FLOAT32)
    assert list(job.train())
    content = to_bytes(job.checkpoint())
    own = read_checkpoint("own", content)
    assert own.train_config == job.recipe.train
    assert [row.step for row in own.history] == [report.step for report in job.history]
    assert own.history[-1].mse == job.history[-1].mse
    for damage in (b'"step": -', b'"stop": 5', b'"step":"5'):
        damaged = content.replace(b'\\"step\\": 5'[: len(damage) + 2], damage.replace(b'"', b'\\"'), 1)
        assert damaged != content
        with pytest.raises(CheckpointError):
            read_checkpoint("damaged", damaged)


def test_a_halt_is_where_it_was_asked_for_and_saves_the_state():
    recipe = recipe_of("sparse")
    job = Job(recipe, FLOAT32)
    saved = []
    steering = Steering(recipe.train)
    steering.halt(17)
    reports = train(
        job.model,
        load_mnist("train").images[:95],
        recipe.train,
        FLOAT32,
        report_seconds=1000.0,
        save=lambda state: saved.append(state.step),
        save_seconds=1000.0,
        steering=steering,
    )
    assert [report.step for report in reports] == [17, 30]
    assert saved == [0, 10, 17, 20, 30]
