"""The views of the console, built with NiceGUI."""
