"""Other ways to serve the same model, as their guides have them, in an environment of their own (`make bench-peers`).

Nothing here imports the product. `*_app` are programs of that environment that serve until they are told to stop, on as
many processes as there are cores where the peer's own options have it; the rest is for whoever asks them. All of them
are given uvloop and httptools, which not all of them bring.

Settings are those, of what was tried on two cores, with which a peer answered most a second:

- FastAPI: 16, 32, 64 and 128 connections on one process, 32 and 64 on two. Two processes answer nearly twice as much;
  32 connections.
- MLServer: batches of at most 8, 16, 32, 64, 128, 256 and 1,000, which wait for 1, 5 or 10 ms, and no batches, at 32 to
  256 connections. A batch that is full goes at once and another one waits for its time, so a batch is better smaller
  than the number of connections: 32 of 64. Prediction in workers (`parallel_workers`) does not start on this uvloop.
- BentoML: batches of 32, 64 and 100 (the default), a latency of 100, 1,000, 5,000 and 10,000 ms, 32 to 256 connections,
  one process and two. Two answer nearly twice as much; 100, 1,000 ms and 128 connections.
- streaq: two processes, 100 tasks at once.
"""
