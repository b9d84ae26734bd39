"""Tests, one folder for each package; shared helpers are in this folder."""
