"""What an event costs on a Redis Cluster, beside one Redis: processor time of all processes."""
