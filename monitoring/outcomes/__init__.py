"""Outcomes joined with the predictions they belong to, in whatever order they come, and what that says of quality."""
