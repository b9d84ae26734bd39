"""The check of everything that the streams let one check: outcomes, lateness, models, the window, the counts."""
