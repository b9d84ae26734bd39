"""The gate: the checks that a registered version must pass before an alias points to it."""
