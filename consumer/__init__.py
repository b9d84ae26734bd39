"""Listings to predictions: read, validate, score, commit; follow the desired model; recover."""
