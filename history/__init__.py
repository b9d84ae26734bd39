"""Past predictions scored again by another version of the model."""
