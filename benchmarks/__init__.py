"""Measurements that need the repository: other servers beside the consumer, older recipes, simulations of drift.

It also writes the pages of figures in docs/. What `tasador bench` measures is in `tasador.bench`.
"""
