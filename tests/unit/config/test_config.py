"""Configurations against the contracts, and every impossible value. Needs the standard library alone."""

import dataclasses
import math
from dataclasses import FrozenInstanceError, fields

import pytest

from ae_core.config import KINDS, LADDERS, RECIPES, ModelConfig, Recipe, TrainConfig

NUMBERS = ("penalty_weight", "sparsity_target", "learning_rate", "max_grad_norm", "max_decoder_norm")
COUNTS = ("epochs", "batch_size", "seed")
# Beyond a float's range, and what JSON may well hold.
HUGE = 10**400

IMPOSSIBLE = [
    *[(name, value) for name in NUMBERS for value in (math.nan, math.inf, -math.inf, -1, "1", [1.0])],
    *[(name, value) for name in COUNTS for value in (-1, 1.0, math.nan, "1", None)],
    *[(name, 0) for name in ("epochs", "batch_size", "learning_rate", "max_grad_norm", "max_decoder_norm")],
    *[("sparsity_target", value) for value in (0, 0.0, 1, 1.0, 1.5, -0.01)],
    *[("schedule", value) for value in ("cosine", "", None, 1, ["constant"])],
    *[("input_noise", value) for value in (-0.1, 1.01, math.nan, "1", None)],
    *[("digits", value) for value in ("", " ", "a", "5-3", "0,,1", "10", "-1", 7, [1, 2])],
    *[("probe_fraction", value) for value in (0, 1.01, -0.5, "1", None)],
    ("penalty_weight", None),
    ("penalty_weight", -1e-12),
    ("learning_rate", None),
    ("seed", 2**63),
    *[
        pytest.param(name, HUGE, id=f"{name}-10**400")
        for name in ("penalty_weight", "sparsity_target", "learning_rate", "max_grad_norm")
    ],
]


@pytest.mark.parametrize(
    ("kind", "code_activation", "output_activation"),
    [("contractive", "relu", "linear"), ("sparse", "rectified_tanh", "sigmoid")],
)
def test_activations_left_out_are_the_kind_s_defaults(kind, code_activation, output_activation):
    config = ModelConfig(kind)
    assert (config.code_activation, config.output_activation) == (code_activation, output_activation)
    assert config == ModelConfig(kind, code_activation, output_activation)


@pytest.mark.parametrize(
    ("kind", "activations"),
    [("contractive", ["relu", "linear", "sigmoid"]), ("sparse", ["rectified_tanh", "sigmoid"])],
)
def test_a_kind_takes_its_own_code_activations_and_no_other(kind, activations):
    for name in ("relu", "linear", "sigmoid", "rectified_tanh", "tanh", "ReLU", "", 0, ["relu"]):
        if name in activations:
            assert ModelConfig(kind, name).code_activation == name
        else:
            with pytest.raises(ValueError, match="code_activation"):
                ModelConfig(kind, name)


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_is_linear_or_sigmoid(kind):
    for name in ("linear", "sigmoid"):
        assert ModelConfig(kind, None, name).output_activation == name
    for name in ("relu", "rectified_tanh", "", 1):
        with pytest.raises(ValueError, match="output_activation"):
            ModelConfig(kind, None, name)


@pytest.mark.parametrize("kind", ["denoising", "", "Sparse", None, 0, ["sparse"], {}])
def test_an_unknown_kind_is_a_value_error(kind):
    with pytest.raises(ValueError, match=r"^kind must be one of contractive, sparse"):
        ModelConfig(kind)


@pytest.mark.parametrize(("name", "value"), IMPOSSIBLE)
def test_an_impossible_value_is_a_value_error_that_names_its_field(name, value):
    with pytest.raises(ValueError, match=name) as caught:
        TrainConfig(**{"penalty_weight": 0.0, name: value})
    # A sentence, not a bare name: it says what is wanted.
    assert " must " in str(caught.value)


@pytest.mark.parametrize("name", [field.name for field in fields(TrainConfig) if field.type != "bool"])
@pytest.mark.parametrize("value", [True, False, "nonsense", math.nan, (1,), object()])
def test_no_field_takes_a_bool_or_nonsense(name, value):
    with pytest.raises(ValueError, match=name):
        TrainConfig(**{"penalty_weight": 0.0, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("penalty_weight", 0),
        ("penalty_weight", 1e-300),
        ("sparsity_target", 1e-9),
        ("sparsity_target", 1 - 1e-9),
        ("epochs", 1),
        ("batch_size", 1),
        ("learning_rate", 1),
        ("schedule", "one_cycle"),
        ("schedule", "constant"),
        ("max_grad_norm", 1e-9),
        ("max_grad_norm", None),
        ("max_decoder_norm", None),
        ("seed", 0),
        ("seed", 2**63 - 1),
    ],
)
def test_values_at_the_edge_of_the_possible_are_kept_as_they_are(name, value):
    assert getattr(TrainConfig(**{"penalty_weight": 0.0, name: value}), name) == value


@pytest.mark.parametrize(
    "value",
    [ModelConfig("sparse"), TrainConfig(0.0), RECIPES["sparse"]["best"]],
    ids=lambda v: type(v).__name__,
)
def test_configurations_are_frozen(value):
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, None)
    # Frozen and equal by value means usable as a key of a cache.
    assert hash(value) == hash(dataclasses.replace(value))


def test_a_target_belongs_to_sparse_models_and_to_no_other():
    with pytest.raises(ValueError, match=r"sparse model needs a sparsity_target \(rho\)"):
        Recipe(ModelConfig("sparse"), TrainConfig(0.1))
    with pytest.raises(ValueError, match=r"sparsity_target \(rho\) belongs to sparse models"):
        Recipe(ModelConfig("contractive"), TrainConfig(0.1, sparsity_target=0.01))


def test_override_sends_each_name_to_the_model_or_to_the_training():
    train = TrainConfig(0.1, sparsity_target=0.01, batch_size=50, max_grad_norm=1.0)
    before = Recipe(ModelConfig("sparse"), train)
    after = before.override(code_activation="sigmoid", sparsity_target=0.2, epochs=3, max_grad_norm=None)
    assert after.model == ModelConfig("sparse", "sigmoid")
    assert after.train == TrainConfig(0.1, sparsity_target=0.2, epochs=3, batch_size=50)
    # The recipe itself is as it was.
    assert before == Recipe(ModelConfig("sparse"), train)


@pytest.mark.parametrize("kind", KINDS)
def test_as_dict_holds_the_keywords_of_override(kind):
    recipe = RECIPES[kind]["best"]
    other = RECIPES[kind]["reference"]
    assert recipe.override(**other.as_dict()) == other


@pytest.mark.parametrize("name", ["lam", "weight_decay", "model", "train", "Epochs"])
def test_override_rejects_a_name_that_no_field_has(name):
    with pytest.raises((TypeError, ValueError), match=name):
        RECIPES["contractive"]["best"].override(**{name: 1})


@pytest.mark.parametrize(
    ("kind", "changes", "named"),
    [
        ("contractive", {"penalty_weight": -1.0}, "penalty_weight"),
        ("contractive", {"sparsity_target": 0.1}, "sparsity_target"),
        ("contractive", {"code_activation": "rectified_tanh"}, "code_activation"),
        ("contractive", {"kind": "sparse"}, "code_activation"),
        ("sparse", {"sparsity_target": None}, "sparsity_target"),
        ("sparse", {"sparsity_target": 1.0}, "sparsity_target"),
        ("sparse", {"output_activation": "relu"}, "output_activation"),
    ],
)
def test_override_checks_what_it_makes(kind, changes, named):
    with pytest.raises(ValueError, match=named):
        RECIPES[kind]["best"].override(**changes)


def test_ladders_are_the_contract_s():
    assert LADDERS == {
        "contractive": (0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
        "sparse": (0, 1e-4, 5e-4, 2e-3, 5e-3, 2e-2),
    }


@pytest.mark.parametrize("kind", ["contractive", "sparse"])
def test_each_kind_has_recipes_of_its_own(kind):
    assert set(RECIPES) == {"contractive", "sparse"}
    assert set(RECIPES[kind]) == {"reference", "best", "fast", "readable"}
    assert {recipe.model.kind for recipe in RECIPES[kind].values()} == {kind}
    best, fast = RECIPES[kind]["best"], RECIPES[kind]["fast"]
    assert fast.model == best.model
    assert fast.train.epochs < best.train.epochs


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("contractive", {"batch_size": 600, "penalty_weight": 1e-4, "sparsity_target": None}),
        ("sparse", {"batch_size": 100, "penalty_weight": 0.005, "sparsity_target": 0.01}),
    ],
)
def test_reference_is_the_published_recipe(kind, expected):
    train = RECIPES[kind]["reference"].train
    for name, value in {**expected, "learning_rate": 1e-3, "epochs": 10, "schedule": "constant"}.items():
        assert getattr(train, name) == value, name


@pytest.mark.parametrize(
    ("said", "kept", "digits"),
    [
        ("0-4,7", "0-4,7", (0, 1, 2, 3, 4, 7)),
        ("7, 0 - 4", "0-4,7", (0, 1, 2, 3, 4, 7)),
        ("3", "3", (3,)),
        ("2,1,3-3", "1-3", (1, 2, 3)),
        ("0-9", None, tuple(range(10))),
        (None, None, tuple(range(10))),
    ],
)
def test_digits_are_kept_in_one_way_of_writing_them(said, kept, digits):
    config = TrainConfig(0.0, digits=said)
    assert (config.digits, config.trained_digits) == (kept, digits)


def test_what_came_later_is_said_only_where_it_says_something():
    """So that files and names of runs from before stay what they are."""
    plain = TrainConfig(0.0).as_dict()
    assert not {"changes", "input_noise", "digits"} & set(plain)
    assert {field.name for field in fields(TrainConfig)} - set(plain) == {
        "changes",
        "input_noise",
        "digits",
        "data",
        "data_digest",
    }
    told = TrainConfig(0.0, input_noise=0.3, digits="1,2")
    assert told.as_dict() == plain | {"input_noise": 0.3, "digits": "1-2"}
    assert told.remarks == ", input noise 0.3, digits 1-2"
    assert TrainConfig(0.0).remarks == ""


def test_a_steered_training_says_so_and_with_what_it_ended():
    train = TrainConfig(1e-4, epochs=2)
    longer = train.changed(3, epochs=5)
    assert (longer.remarks, longer.at_last.epochs) == ("", 5)
    steered = longer.changed(4, penalty_weight=0.05)
    assert steered.remarks == ", steered"
    assert (steered.at_last.penalty_weight, steered.at_last.epochs) == (0.05, 5)
    assert train.at_last == train
