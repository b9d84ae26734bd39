"""Other ways to serve the same model, as their guides have them, in an environment of their own (`make bench-peers`).

Nothing here imports the product. Each peer is a program that serves until it is told to stop, with the port as its
first argument and the booster's file as its second.
"""
