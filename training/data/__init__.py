"""Training data: its sources, its checks against the domain's contract, and its provenance."""
