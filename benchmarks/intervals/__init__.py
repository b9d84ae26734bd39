"""Coverage and width of intervals and prediction sets on public tables, what they cost, and the rates of the alarm."""
