"""The gate: what stands between a registered version and the aliases that put it in charge."""
