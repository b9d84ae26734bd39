"""The program that runs FLAML on one fold, in the environment of `make bench-tables`; it does not import the product.

``python flaml_program.py REQUEST ANSWER``: both are NumPy archives.

FLAML's budget is a time. Here its clock counts the processor time of this process, which has one thread, so that other
load on the machine takes nothing away from it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def use_processor_clock() -> None:
    """Make `time.time` and alarms of this process count its processor time."""
    start = time.time() - time.process_time()
    time.time = lambda: start + time.process_time()
    # FLAML bounds some fits by an alarm
    signal.SIGALRM = signal.SIGPROF  # type: ignore[misc]
    signal.alarm = lambda seconds: int(signal.setitimer(signal.ITIMER_PROF, seconds)[0])


def main(request_file: str, answer_file: str) -> None:
    """Fit on the rows of the request within its budget, and write predictions for its test rows."""
    import numpy as np
    import pandas as pd
    from flaml import AutoML

    request = np.load(request_file)
    sizes = request["categories"].tolist()  # of each column; 0 for numbers

    def frame(name: str) -> pd.DataFrame:
        columns = {}
        for number, (values, size) in enumerate(zip(request[name].T, sizes, strict=True)):
            codes = np.where(np.isnan(values), -1, values).astype(int) if size else values
            columns[f"x{number}"] = pd.Categorical.from_codes(codes, pd.RangeIndex(size)) if size else codes
        return pd.DataFrame(columns)

    classes, before = int(request["classes"]), time.process_time()
    automl = AutoML()
    automl.fit(
        X_train=frame("train"),
        y_train=request["target"],
        task="classification" if classes else "regression",
        metric="log_loss" if classes else "rmse",
        time_budget=float(request["seconds"]),
        n_jobs=1,
        seed=int(request["seed"]),
        verbose=0,
    )
    core_s = time.process_time() - before
    test = frame("test")
    predicted = automl.predict_proba(test) if classes else automl.predict(test)
    known = automl.classes_ if classes else []
    np.savez(answer_file, predicted=predicted, core_s=core_s, model=str(automl.best_estimator), classes=known)


if __name__ == "__main__":
    # before a library reads it
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    warnings.simplefilter("ignore")
    use_processor_clock()
    main(*sys.argv[1:3])
