"""The demo of `tasador demo`: runs the main job on real data."""
