"""Checks before anything starts: the configuration, the Redis server and the registry."""
