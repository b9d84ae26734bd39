"""Detects drift: compares current rows with the reference that training kept."""
