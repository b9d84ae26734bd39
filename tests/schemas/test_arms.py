"""The arm of a listing is the same for one listing and for many, for every salt, and as the share grows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.arms import are_in_share, arm_hash, is_in_share, salt_of
from schemas.shards import listing_key

VECTORS = (
    # salt, subject, source, id, key, hash
    ("spring", None, "crm", "1", 850_928_212, 5_207_260_209_713_677_260),
    ("spring", None, None, "1", 3_941_136_975, 12_947_932_929_130_160_852),
    ("spring", "house-7", "crm", "1", 1_118_107_285, 4_463_669_321_924_446_971),
    ("autumn", None, "crm", "1", 850_928_212, 15_202_842_321_656_343_573),
    ("", None, "büro", "ß", 179_762_627, 13_343_798_022_503_557_573),
)
"""Those of docs/rollouts.md."""


def _keys(form: str, count: int) -> NDArray[np.uint32]:
    return np.array([listing_key(None, "crm", form.format(number)) for number in range(count)], dtype=np.uint32)


@pytest.mark.parametrize(("salt", "subject", "source", "listing_id", "key", "expected"), VECTORS)
def test_vectors_of_the_arm(
    salt: str, subject: str | None, source: str | None, listing_id: str, key: int, expected: int
) -> None:
    assert listing_key(subject, source, listing_id) == key
    assert arm_hash(key, salt_of(salt)) == expected


def test_the_hash_is_splitmix64() -> None:
    """Its first output from seed 0 is published with the algorithm (Steele, Lea and Flood 2014)."""
    assert arm_hash(0, 0) == 0xE220A8397B1DCDAF


def test_one_listing_and_many_are_assigned_alike() -> None:
    keys = _keys("{}", 5000)
    salt = salt_of("spring")
    for share in (0.001, 0.05, 0.5, 0.999, 1.0):
        assert are_in_share(keys, salt, share).tolist() == [is_in_share(int(key), salt, share) for key in keys]


def test_a_share_is_met_and_keeps_its_listings_as_it_grows() -> None:
    keys = _keys("{:06}", 100_000)
    salt = salt_of("spring")
    small, large = are_in_share(keys, salt, 0.05), are_in_share(keys, salt, 0.25)
    assert small.mean() == pytest.approx(0.05, abs=0.003)
    assert not (small & ~large).any()


def test_rollouts_of_two_salts_choose_independently() -> None:
    """Ids of one length, where crc32 alone would choose all or none in common."""
    keys = _keys("{:06}", 100_000)
    first, second = (are_in_share(keys, salt_of(salt), 0.1) for salt in ("spring", "autumn"))
    assert (first & second).mean() == pytest.approx(0.01, abs=0.002)
