"""The roles of `deploy/redis/users.acl` do the main job on a cluster."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from schemas.streams import Streams
from tests.redis_cluster import RedisCluster
from tests.security.main_job import run_main_job
from tests.security.roles import Users
from transport.connection import connect

pytestmark = [pytest.mark.cluster]


def test_roles_have_the_rights_for_the_main_job_on_a_cluster(lone_masters: RedisCluster, tmp_path: Path) -> None:
    """The users are on every node, and each process starts at a node that does not have its keys."""
    streams = Streams("{job}")
    cluster, owner = lone_masters, lone_masters.owner(streams.listings)
    start = next(number for number, node in enumerate(cluster.nodes) if node is not owner)
    with ExitStack() as stack:
        admins = [stack.enter_context(connect(node.url)) for node in cluster.nodes]
        users = Users(admins[0], cluster.url_at(start), streams.prefix)
        for admin in admins[1:]:
            users.create_on(admin)
        run_main_job(users, streams, tmp_path)
        assert [users.denied(admin) for admin in admins] == [[]] * len(admins)
