"""From data to a champion."""
