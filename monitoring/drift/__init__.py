"""Whether the world has moved: current rows against what training saw."""
