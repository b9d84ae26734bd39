"""What is checked before anything starts: the configuration, the Redis server, the registry."""
