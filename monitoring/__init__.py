"""Seeing what goes on: logs, endpoints, metrics, status, the check of outcomes, dead letters."""
