"""Compares a rollout's challenger with the champion: confidence sequences, missing outcomes, verdicts, guardrails."""
