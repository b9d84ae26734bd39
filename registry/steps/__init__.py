"""The product's own scikit-learn pipeline steps, which training fits and loading a model rebuilds."""
