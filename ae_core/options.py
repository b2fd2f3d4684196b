"""The recipe as command-line options, one for each of its fields."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click

from ae_core.config import KINDS, RECIPE_NAMES, RECIPES, ModelConfig, Recipe, TrainConfig
from ae_core.training import Compute, DeviceError, choose_compute

_OVERRIDABLE = [field for field in (*fields(ModelConfig), *fields(TrainConfig)) if field.name != "kind"]
"""The fields of a recipe that are options; the kind chooses the recipe itself."""


class _NumberOrNone(click.ParamType):
    name = "number|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:  # noqa: ANN401
        return None if value == "none" else click.FLOAT.convert(value, param, ctx)


def _option_type(annotation: str) -> click.ParamType:
    if annotation == "int":
        return click.INT
    if annotation == "float":
        return click.FLOAT
    if annotation == "float | None":
        return _NumberOrNone()
    return click.STRING


def recipe_options(command: Any) -> Any:  # noqa: ANN401 - a click decorator
    """One option for each field of a recipe, so that any of them can be overridden."""
    for field in reversed(_OVERRIDABLE):
        flag = f"--{field.name.replace('_', '-')}"
        command = click.option(flag, type=_option_type(field.type), help="Overrides the recipe.")(command)
    recipe = click.option(
        "--recipe", "recipe_name", type=click.Choice(RECIPE_NAMES), default="best", show_default=True
    )
    device = click.option("--device", default="auto", show_default=True, help="auto, cuda or cpu.")
    return click.option("--kind", type=click.Choice(KINDS))(recipe(device(command)))


def given_options(names: list[str]) -> list[str]:
    """Those of the options of the current command that were given on the command line."""
    context = click.get_current_context()
    return [
        name for name in names if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]


def recipe_of_options(kind: str | None, recipe_name: str) -> Recipe:
    """The named recipe with the options that were given on the command line."""
    if kind is None:
        raise click.UsageError(f"Missing option '--kind': choose {' or '.join(KINDS)}.")
    context = click.get_current_context()
    given = given_options([field.name for field in _OVERRIDABLE])
    try:
        return RECIPES[kind][recipe_name].override(**{name: context.params[name] for name in given})
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def refuse_recipe_options() -> None:
    """For a run that has its recipe already."""
    given = given_options(["kind", "recipe_name", "device", *(field.name for field in _OVERRIDABLE)])
    if given:
        flag = {"recipe_name": "recipe"}.get(given[0], given[0]).replace("_", "-")
        raise click.UsageError(f"A resumed run keeps its recipe and its device: leave out --{flag}.")


def compute_of_option(device: str) -> Compute:
    """Where to train, or a usage error."""
    try:
        return choose_compute(device)
    except DeviceError as error:
        raise click.UsageError(str(error)) from None
