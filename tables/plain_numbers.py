"""Reads a whole column of plainly written numbers at once, which is far faster than cell by cell.

What it cannot be certain of it leaves to `tables.cells`: blanks, thousands, infinity, and everything that is no number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tables.cells import GAP_MARKS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


def plain_numbers(cells: pa.Array | pa.ChunkedArray) -> NDArray[np.float64] | None:
    """The numbers of a column with a decimal point, as `read_number` gives them, and NaN for gaps.

    Args:
        cells: text, or doubles.

    Returns:
        Shape (n,); None if a cell is anything but a plainly written finite number or a gap.
    """
    import pyarrow as pa
    from pyarrow import compute

    numbers = _cast(cells)
    if numbers is None and not pa.types.is_floating(cells.type):
        is_gap: Any = compute.is_in(cells, value_set=pa.array(sorted(GAP_MARKS), cells.type))
        numbers = _cast(compute.if_else(is_gap, pa.scalar(None, cells.type), cells))
    return numbers


def _cast(cells: pa.Array | pa.ChunkedArray) -> NDArray[np.float64] | None:
    import numpy as np
    import pyarrow as pa

    is_typed = pa.types.is_floating(cells.type)
    try:
        numbers = np.array(cells.cast(pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return None
    # a text that says nan or inf is not certain to be a gap or a number here
    allowed = np.isnan(numbers) if is_typed else np.asarray(cells.is_null().to_numpy(zero_copy_only=False))
    return numbers if bool(np.all(np.isfinite(numbers) | allowed)) else None
