"""Recipes of one's own, named in params.yaml by module and attribute, as domains are."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from registry.allow_list import allowed_types
from schemas.errors import ConfigurationError
from training.learning.recipes import BLEND, BOOSTING, RECIPES, Recipe


def load_recipes(paths: Sequence[str]) -> list[Recipe]:
    """Load recipes.

    Args:
        paths: each ``package.module:ATTRIBUTE``, of `training.recipes`.

    Raises:
        ConfigurationError: a module or attribute cannot be loaded, is no recipe, has a name that is taken, or needs
            types that `allowed_types` does not admit, without which its model could not be stored.
    """
    recipes = [_load(path) for path in paths]
    taken = {BOOSTING, BLEND, *(recipe.name for recipe in RECIPES)}
    for path, recipe in zip(paths, recipes, strict=True):
        if recipe.name in taken:
            raise ConfigurationError(
                f"training.recipes: {path}: another recipe is named {recipe.name}; choose a new name"
            )
        taken.add(recipe.name)
        if missing := sorted(set(recipe.types) - set(allowed_types())):
            raise ConfigurationError(
                f"training.recipes: {path}: add to allowed_types in params.yaml: {', '.join(missing)}"
            )
    return recipes


def _load(path: str) -> Recipe:
    module, _, attribute = path.partition(":")
    if not (module and attribute):
        raise ConfigurationError(f"training.recipes: {path!r} is not of the form package.module:RECIPE")
    try:
        recipe = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever a user's module raises becomes one line
        raise ConfigurationError(f"training.recipes: cannot load {path}: {type(error).__name__}: {error}") from error
    if not isinstance(recipe, Recipe):
        raise ConfigurationError(f"training.recipes: {path} is a {type(recipe).__name__}, not a training.Recipe")
    return recipe
