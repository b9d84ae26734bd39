"""One machine: starts, supervises and stops Redis, MLflow and the processes of `tasador up`."""
