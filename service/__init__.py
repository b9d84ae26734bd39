"""What every process has: its application, periodic tasks, health, HTTP endpoints and logs."""
