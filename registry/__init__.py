"""Models at rest: MLflow, aliases, digests, the allow-list, the local cache, and loading with all its checks."""
