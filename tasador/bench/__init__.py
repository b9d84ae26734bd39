"""What `tasador bench` measures: the rate, latency, swaps, starts and growth of a consumer on this machine.

`run` measures the parts of a run one after another, `rig` is where they are measured, `contenders` are the programs
that are compared, and `report` holds the results.
"""
