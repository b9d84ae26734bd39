"""The monitor: the part that looks at what was scored and says whether the world has moved."""
