"""Serving forms: what of a model scores without the libraries that trained it. Compiled in training, read to serve."""
