"""What operators ask and do: status, reports, verification, dead letters, checks before a start, commands."""
