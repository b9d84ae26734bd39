"""Other ways to serve the same model, written as in their guides, in an environment of their own (`make bench-peers`).

Nothing here imports the product. The `*_app` modules are programs of that environment, which serve until SIGTERM, with
one process per core if the peer has an option for it; the other modules are their clients. The environment has uvloop
and httptools, which not all peers depend on.

Of the settings that were tried on two cores, each peer has those with the highest rate:

- FastAPI: 16, 32, 64 and 128 connections on one process, 32 and 64 on two. Two processes answer nearly twice as much;
  32 connections.
- MLServer: batches of at most 8, 16, 32, 64, 128, 256 and 1,000 that wait for 1, 5 or 10 ms, and no batches, at 32 to
  256 connections. A full batch is predicted at once while the next one waits, so batches should be smaller than the
  number of connections: 32 of 64. Prediction in workers (`parallel_workers`) does not start on this uvloop.
- BentoML: batches of 32, 64 and 100 (the default), a latency of 100, 1,000, 5,000 and 10,000 ms, 32 to 256 connections,
  one process and two. Two answer nearly twice as much; 100, 1,000 ms and 128 connections.
- streaq: two processes, 100 tasks at once.
"""
