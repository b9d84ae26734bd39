"""How fast past predictions are scored again, by workers, on a made-up audit log."""
