"""Training data: where it comes from, what it must satisfy, and what is known about it."""
