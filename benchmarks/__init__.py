"""The figures that the project quotes, and what they are measured against.

`rounds` runs what is to be compared in turn, `drain` is one measurement, `contenders` are those who take part, and
`report` is what comes of it, which `page` turns into `docs/benchmarks.md`.
"""
