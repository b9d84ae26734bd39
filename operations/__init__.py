"""What operators ask and do: status, verification, dead letters, checks before a start, commands and their replies."""
