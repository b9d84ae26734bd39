"""The audit log: every prediction with its features and model, and every outcome, as Parquet by day."""
