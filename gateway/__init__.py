"""HTTP in front of the streams: a client like any other, which publishes listings and answers with their outcomes."""
