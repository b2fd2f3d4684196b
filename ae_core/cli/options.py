"""The recipe as command-line options, one for each of its fields, and what commands share."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from itertools import pairwise
from textwrap import dedent
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

from ae_core.analysis.probe import Advance
from ae_core.config import (
    KINDS,
    RECIPE_NAMES,
    RECIPES,
    STEERABLE,
    Change,
    Kind,
    ModelConfig,
    Recipe,
    RecipeName,
    TrainConfig,
)
from ae_core.errors import DeviceError
from ae_core.training.compute import Compute, DeviceName, choose_compute

_OVERRIDABLE = [
    (config, field.name)
    for config in (ModelConfig, TrainConfig)
    for field in fields(config)
    if field.name not in ("kind", "changes", "data", "data_digest")
]
"""The fields of a recipe that are options; the kind chooses the recipe itself, `--data` the images."""


_DEFAULT_RECIPE: RecipeName = "best"


class _NumberOrNone(click.ParamType[float | None, str]):
    name = "number|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:  # noqa: ANN401
        return None if value == "none" else click.FLOAT.convert(value, param, ctx)


def _option_type(annotation: Any) -> click.ParamType[Any, Any]:  # noqa: ANN401 - a type, or a union of some
    alternatives = [one for one in get_args(annotation) or (annotation,) if one is not NoneType]
    if get_origin(annotation) is Literal:
        return click.Choice(get_args(annotation))
    if len(alternatives) == 1 and alternatives[0] is not annotation:
        return _NumberOrNone() if alternatives[0] is float else _option_type(alternatives[0])
    return {int: click.INT, str: click.STRING}.get(annotation, click.FLOAT)


def _docstrings(config: type) -> dict[str, str]:
    """The docstring under each field of a configuration, from the source: Python itself does not keep it."""
    found = {}
    (tree,) = ast.parse(dedent(inspect.getsource(config))).body
    assert isinstance(tree, ast.ClassDef)
    for field, text in pairwise(tree.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(docstring))):
                found[name] = inspect.cleandoc(docstring)
    return found


def _defaults_in_words(name: str) -> str:
    """What a field is in the default recipe, for each kind where they differ."""
    by_kind = {kind: RECIPES[kind][_DEFAULT_RECIPE].as_dict() for kind in KINDS}
    values = {kind: recipe.get(name, getattr(TrainConfig, name, None)) for kind, recipe in by_kind.items()}
    texts = {kind: _in_words(value) for kind, value in values.items()}
    if len(set(texts.values())) == 1:
        return texts[KINDS[0]]
    return ", ".join(f"{text} ({kind})" for kind, text in texts.items())


def _in_words(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


class _ChangeOption(click.ParamType[Change, str]):
    name = "change"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Change:  # noqa: ANN401
        """A text such as step=500 penalty_weight=1e-2 as a change."""
        if isinstance(value, Change):
            return value
        found: dict[str, Any] = {}
        for part in value.split():
            name, equals, text = part.partition("=")
            if not equals or name not in ("step", *STEERABLE) or name in found:
                self.fail(f"{part!r} is not step= or one of {', '.join(STEERABLE)} with a value, each once")
            of_type = click.INT if get_type_hints(Change)[name] in (int, int | None) else click.FLOAT
            found[name] = of_type.convert(text, param, ctx)
        if "step" not in found:
            self.fail(f"{value!r} does not say at which step: begin with step=")
        return Change(**found)


device_option = click.option(
    "--device",
    type=click.Choice(get_args(DeviceName)),
    default="auto",
    show_default=True,
    help="Where to compute; auto takes CUDA if there is one.",
)


def recipe_options(command: Any) -> Any:  # noqa: ANN401 - a click decorator
    """One option for each field of a recipe, so that any of them can be overridden.

    Type, choices and help are the field's own.
    """
    for config, name in reversed(_OVERRIDABLE):
        of_type = _option_type(get_type_hints(config)[name])
        flag = f"--{name.replace('_', '-')}"
        text = f"{_docstrings(config)[name]}  [{_DEFAULT_RECIPE}: {_defaults_in_words(name)}]"
        command = click.option(flag, type=of_type, help=text)(command)
    change_option = click.option(
        "--change",
        "changes",
        type=_ChangeOption(),
        multiple=True,
        metavar='"step=N SETTING=VALUE ..."',
        help=f"Change settings when N steps are done: {', '.join(STEERABLE)}. Can be given several times.",
    )
    command = change_option(command)
    recipe_name = click.option(
        "--recipe",
        "recipe_name",
        type=click.Choice(RECIPE_NAMES),
        default=_DEFAULT_RECIPE,
        show_default=True,
        help="What every option below starts from.",
    )
    kind_option = click.option("--kind", type=click.Choice(KINDS), help="Which autoencoder.")
    return kind_option(recipe_name(device_option(command)))


def given_options(names: list[str]) -> list[str]:
    """Those of these parameters of the current command that were given on the command line."""
    context = click.get_current_context()
    return [
        name for name in names if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]


def recipe_of_options(kind: Kind | None, recipe_name: RecipeName) -> Recipe:
    """The named recipe with the options that were given on the command line.

    Raises:
        click.UsageError: without a kind, or for a value that is not allowed.
    """
    if kind is None:
        raise click.UsageError(f"Missing option '--kind': choose {' or '.join(KINDS)}.")
    context = click.get_current_context()
    given = given_options([name for _, name in _OVERRIDABLE])
    try:
        values = {name: context.params[name] for name in given}
        changes = sorted(context.params["changes"], key=lambda change: change.step)
        return RECIPES[kind][recipe_name].override(**values, changes=tuple(changes))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def refuse_recipe_options() -> None:
    """Refuse the recipe's options, for a run that has its recipe already.

    Raises:
        click.UsageError: if one of them was given.
    """
    given = given_options(
        ["kind", "recipe_name", "device", "changes", "data", "fit", *(name for _, name in _OVERRIDABLE)]
    )
    if given:
        flag = {"recipe_name": "recipe", "changes": "change"}.get(given[0], given[0]).replace("_", "-")
        raise click.UsageError(
            f"A resumed run keeps its recipe, its images and its device: leave out --{flag}."
        )


def compute_of_option(device: str) -> Compute:
    """Where to train.

    Raises:
        click.UsageError: if this machine lacks the device.
    """
    try:
        return choose_compute(device)
    except DeviceError as error:
        raise click.UsageError(str(error)) from None


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a text.")


def print_json(value: object) -> None:
    """Print a value as JSON on one line, which programs read."""
    click.echo(json.dumps(value, allow_nan=False))


@contextmanager
def progress_bar(label: str) -> Iterator[Advance]:
    """A bar on standard error; gives what moves it, told the share of the work that is done."""
    with click.progressbar(length=1000, label=label, file=sys.stderr) as bar:
        yield lambda share: bar.update(round(1000 * share) - bar.pos)
