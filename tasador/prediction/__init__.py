"""Predictions and explanations without a stream, of a file or in a notebook, equal to those on the stream."""
