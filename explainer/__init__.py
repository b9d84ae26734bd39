"""Why a prediction is what it is: the methods, the process that answers requests, and the search for listings."""
