"""How every part talks to Redis: connections, the check of the server, scripts, the backlog."""
