"""Public tables that our training, library defaults and FLAML predict on the same outer folds (`make bench-tables`).

`panel` names the tables, `sources` reads them from downloaded packages, `preparing` takes each one through `tasador
domain new`. `contenders` and `flaml` predict the outer test rows, `results` keeps every fold, `standings` compares, and
`permuted` sees to it that the gate refuses what cannot be learned.
"""
