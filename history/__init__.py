"""The past again: predictions scored by another version, and models as they would have been trained."""
