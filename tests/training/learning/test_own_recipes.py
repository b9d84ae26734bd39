from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from training.learning.own_recipes import load_recipes

MODULE = """
from sklearn.svm import SVR
from training import Recipe
RECIPE = Recipe("svr", regression=lambda seed: SVR(), types=("my.Kernel",))
NOTHING = 3
TAKEN = Recipe("linear", regression=lambda seed: SVR())
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "recipes_of_a_user.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return "recipes_of_a_user"


def test_a_recipe_whose_types_are_admitted_is_loaded(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"add to allowed_types in params\.yaml: my\.Kernel"):
        load_recipes([f"{module}:RECIPE"])
    monkeypatch.setenv("TASADOR_ALLOWED_TYPES", '["my.Kernel"]')
    (recipe,) = load_recipes([f"{module}:RECIPE"])
    assert recipe.name == "svr"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("recipes_of_a_user", "is not of the form"),
        ("recipes_of_nobody:RECIPE", "cannot load recipes_of_nobody:RECIPE: ModuleNotFoundError"),
        ("recipes_of_a_user:NOTHING", "is a int, not a training.Recipe"),
        ("recipes_of_a_user:TAKEN", "another recipe is named linear"),
    ],
)
@pytest.mark.usefixtures("module")
def test_what_is_no_recipe_is_one_line(path: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        load_recipes([path])
