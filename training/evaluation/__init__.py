"""Evaluation: what is said about a selection once it stands, the test rows among it."""
