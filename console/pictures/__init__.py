"""Pictures as SVG and HTML texts, drawn from figures without a browser."""
