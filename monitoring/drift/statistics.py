"""Statistics that compare two samples of one column; missing values must be removed first.

SciPy is imported by the first comparison: it takes half a second, and a monitor may never get enough rows for one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
BinCounts = NDArray[np.int64]

PSI_BINS = 10
PSI_FLOOR = 1e-4
"""The share of an empty bin, so that the logarithm stays finite."""
USUAL_SHARE = 0.99
"""The central share of the reference that counts as usual."""
LARGEST_SHIFT = 1e6
"""Upper limit of a shift, reached where the reference has no spread."""


def ks(reference: Values, current: Values) -> tuple[float, float]:
    """Kolmogorov-Smirnov: the largest distance of the two distribution functions, and its p-value.

    Uses the asymptotic distribution with n*m/(n+m) rows at every size, so that p-values are comparable and cost only a
    sort (Hodges 1958, "The significance probability of the Smirnov two-sample test"). With ties, p is too large, never
    too small.
    """
    if len(reference) == len(current) == 1:  # the asymptotic distribution is not defined for so few
        return float(reference[0] != current[0]), 1.0
    from scipy.stats import ks_2samp

    result = ks_2samp(reference, current, method="asymp")
    return float(result.statistic), float(result.pvalue)


def in_deviations(distance: float, reference_sd: float) -> float:
    """A distance in standard deviations of the reference, limited to `LARGEST_SHIFT`."""
    if distance == 0:
        return 0.0
    scaled = distance / reference_sd if reference_sd > 0 else np.copysign(np.inf, distance)
    return float(np.clip(scaled, -LARGEST_SHIFT, LARGEST_SHIFT))


def wasserstein(reference: Values, current: Values) -> float:
    """The area between the two distribution functions, in the column's unit (Vallender 1974)."""
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(reference, current))


def psi_edges(reference: Values) -> Values:
    """Inner edges of the bins of `psi`: the distinct quantiles of the reference; the outer bins are open."""
    return np.unique(np.quantile(reference, np.linspace(0, 1, PSI_BINS + 1)[1:-1]))


def psi(reference: BinCounts, current: BinCounts) -> float:
    """Population stability index of two counts over the same bins, in nats.

    The sum of (a - e) ln(a / e) over the shares e of the reference and a of the current window, each at least
    `PSI_FLOOR` (Siddiqi 2006, "Credit Risk Scorecards"; Yurdakul 2018, "Statistical properties of the PSI").
    """
    expected = np.maximum(reference / reference.sum(), PSI_FLOOR)
    actual = np.maximum(current / current.sum(), PSI_FLOOR)
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def js(reference: BinCounts, current: BinCounts) -> float:
    """Jensen-Shannon distance of two counts, to base 2: 0 for the same shares, 1 for none in common.

    The square root of the divergence (Endres and Schindelin 2003, "A new metric for probability distributions").
    """
    from scipy.spatial.distance import jensenshannon

    return float(np.nan_to_num(jensenshannon(reference, current, base=2)))


def chi_squared_p(reference: BinCounts, current: BinCounts) -> float:
    """p-value of Pearson's test that both counts have the same shares; 1 where only one category occurs.

    With two categories Yates's correction is applied, which prevents too many alarms.
    """
    from scipy.stats import chi2_contingency

    table = np.array([reference, current])
    table = table[:, table.sum(axis=0) > 0]
    return float(chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0


def usual_range(reference: Values) -> tuple[float, float]:
    """The lowest and highest value of the central 99 % of the reference."""
    low, high = np.quantile(reference, [(1 - USUAL_SHARE) / 2, (1 + USUAL_SHARE) / 2])
    return float(low), float(high)


def count_bins(values: Values, inner_edges: Values) -> BinCounts:
    """Number of values in each bin between the inner edges; the outer bins are open."""
    counts: BinCounts = np.bincount(np.searchsorted(inner_edges, values, side="left"), minlength=len(inner_edges) + 1)
    return counts
