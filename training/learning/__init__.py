"""Learning: recipes, folds, candidates, and the choice among them."""
