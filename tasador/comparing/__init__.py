"""The comparison of two versions on the same rows, as a page."""
