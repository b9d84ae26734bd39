"""Model selection: recipes, folds, search, candidates, blends, and the choice among them."""
