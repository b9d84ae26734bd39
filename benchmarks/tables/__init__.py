"""A panel of public tables: our training beside library defaults and FLAML, on the same outer folds (`make bench-tables`).

`panel` names the tables, `sources` reads them from downloaded packages, `preparing` takes each one through `tasador
domain new`, `contenders` and `flaml` predict the outer test rows, `results` keeps every fold, and `standings` compares.
"""
