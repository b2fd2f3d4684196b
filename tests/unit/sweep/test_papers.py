"""The papers' claims, measured on few images and told in sentences. Needs torch, scikit-learn and MNIST."""

import json
from dataclasses import asdict, replace

import pytest

from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.data import Mnist, load_mnist
from ae_core.errors import CheckpointError
from ae_core.sweep import papers
from ae_core.sweep.findings import (
    CLAIMS,
    DIRECTIONS,
    ERROR_100,
    ERROR_ALL,
    PAPERS,
    PLAIN,
    RIGHT_CODE,
    RIGHT_PIXELS,
    VALUES,
    Finding,
    load_findings,
    save_findings,
    verdict,
)


def finding(claim, value, model, mean, deviation=0.1):
    return Finding(claim, value, model, mean, deviation, 5)


def test_the_findings_that_ship_cover_every_claim_and_each_has_a_verdict():
    found = load_findings(PAPERS)
    assert {one.claim for one in found} == set(CLAIMS)
    assert {(one.claim, one.value) for one in found} == set(VALUES)
    assert {one.seeds for one in found} == {5}
    for claim in CLAIMS:
        said = verdict(claim, [one for one in found if one.claim == claim])
        assert said.endswith(".")
        assert "nan" not in said


@pytest.mark.parametrize(
    ("other", "said"),
    [(3.0, "Reproduced"), (5.0, "Not reproduced"), (4.1, "Not reproduced")],
)
def test_an_order_is_reproduced_only_beyond_both_deviations(other, said):
    found = [
        finding("order", value, model, mean)
        for value in (ERROR_ALL, ERROR_100)
        for model, mean in ((PLAIN, 4.2), ("contractive", other))
    ]
    assert verdict("order", found).startswith(said)


def test_of_two_models_one_is_partly_reproduced():
    found = [
        finding("spectrum", DIRECTIONS, model, mean)
        for model, mean in ((PLAIN, 20), ("contractive", 10), ("denoising", 30))
    ]
    said = verdict("spectrum", found)
    assert said.startswith("Partly reproduced")
    assert "smaller for contractive (10.0); larger for denoising (30.0)" in said


def test_self_taught_features_help_or_do_not():
    better = [finding("self-taught", RIGHT_CODE, "x", 98.0), finding("self-taught", RIGHT_PIXELS, "x", 96.0)]
    assert verdict("self-taught", better) == "Reproduced: 98.0 % right by the code, 96.0 % by the pixels."
    worse = [replace(one, mean=194 - one.mean) for one in better]
    assert verdict("self-taught", worse).startswith("Not reproduced")


def test_findings_come_back_from_their_file_and_damage_is_a_sentence(tmp_path):
    path = tmp_path / "papers.json"
    found = [finding("order", ERROR_ALL, PLAIN, 4.2)]
    save_findings(found, path)
    assert load_findings(path) == found
    for damage in ("", "[]", '{"findings": []}', '{"findings": [{"claim": 3}]}', '{"findings": [3]}'):
        path.write_text(damage)
        with pytest.raises(CheckpointError, match=r"papers\.json"):
            load_findings(path)
    row = asdict(found[0]) | {"mean": "x"}
    path.write_text(json.dumps({"findings": [row]}))
    with pytest.raises(CheckpointError, match="damaged"):
        load_findings(path)


def test_a_model_is_measured_once_and_its_values_are_kept_beside_it(tmp_path, monkeypatch):
    whole = load_mnist("train")
    monkeypatch.setattr(papers, "load_mnist", lambda split: Mnist(whole.images[:3000], whole.labels[:3000]))
    ((name, (cell, *_)),) = [
        (name, seeds) for name, seeds in papers.cells(tmp_path).items() if "5 to 9" in name
    ]
    with pytest.raises(CheckpointError, match="the same command trains it again"):
        papers.measure(name, cell)
    checkpoint = load_checkpoint(ladder_paths("sparse")[5e-3])
    save_checkpoint(replace(checkpoint, train_config=cell.recipe.train), cell.path)
    values = papers.measure(name, cell)
    assert 85 < values[RIGHT_PIXELS] <= 100
    assert values[RIGHT_CODE] > 90
    cell.path.unlink()
    assert papers.measure(name, cell) == values
    found = papers.findings({name: [values, values]})
    assert [(one.value, one.mean, one.seeds) for one in found] == [
        (RIGHT_CODE, values[RIGHT_CODE], 2),
        (RIGHT_PIXELS, values[RIGHT_PIXELS], 2),
    ]


def test_every_subject_is_trained_with_five_seeds(tmp_path):
    subjects = papers.cells(tmp_path)
    assert all(len({cell.recipe.train.seed for cell in seeds}) == 5 for seeds in subjects.values())
    assert PLAIN in subjects
    assert len({cell.name for seeds in subjects.values() for cell in seeds}) == 5 * len(subjects)
