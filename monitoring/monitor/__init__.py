"""The monitor process: reports drift and quality, writes the audit log, and requests retraining."""
