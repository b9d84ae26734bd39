"""One machine: Redis, MLflow and every process of `tasador up`, started, watched and stopped."""
