"""Steps of a pipeline that scikit-learn has none for. Training fits them, and whoever loads a model builds them."""
