"""Tests, one folder for each package; what they share lies beside this file."""
