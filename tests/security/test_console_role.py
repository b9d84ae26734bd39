"""The console works with the rights of its role, and says at its start which one it lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from console.app import check_start
from console.drift_log import read_reports
from console.lifecycle import console_life
from console.listing_search import read_dossier, search
from console.shown_domain import ShownDomain
from schemas.commands import Retrain
from schemas.errors import ServerError
from schemas.streams import DATA_FIELD, Streams
from tests.consumer.harness import ROW, settings_for
from tests.gateway.system import consuming
from tests.security.roles import Users
from tests.waiting import wait_until


async def test_the_role_has_the_rights_for_every_view_and_action(
    users: Users, redis_url: str, redis_client: redis.Redis, streams: Streams
) -> None:
    settings = settings_for(streams.prefix, redis_url=SecretStr(users.url("console")))
    check_start(settings)
    shown = ShownDomain.open(settings)
    life = console_life({"housing": shown}, "c1", 0)
    await life.start(lambda error: pytest.fail(str(error)))
    with consuming(redis_url, settings):
        for name, row in (("good", ROW), ("bad", ROW | {"RM": -1})):
            redis_client.xadd(streams.listings, {DATA_FIELD: json.dumps({"id": name, "data": row})})
        wait_until(lambda: redis_client.xlen(streams.dead_letters) == 1, 20, "one is refused")
        wait_until(lambda: redis_client.xlen(streams.predictions) == 1, 20, "one is predicted")
        await shown.watch.read()
        assert shown.watch.state is not None
        known = shown.operations_client, settings, shown.domain
        dossier = read_dossier(*known, search(*known, "good").hits[0])
        assert dossier.listing is not None
        assert dossier.row is not None
        read_reports(shown.operations_client, streams)
        await shown.desk.carry_out(Retrain(actor="ana@console"))
        (letter,) = shown.letters.read(None, None).letters
        shown.letters.replay(letter, json.dumps({"id": "bad", "data": ROW}), "ana@console")
        redis_client.xadd(streams.listings, {DATA_FIELD: b"no json"})
        wait_until(lambda: redis_client.xlen(streams.dead_letters) == 1, 20, "another is refused")
        assert shown.letters.replay_all("not_json", "elsewhere", "ana@console") == (0, 0)
        assert shown.letters.replay_all("not_json", None, "ana@console") == (1, 0)
        wait_until(lambda: redis_client.xlen(streams.dead_letters) == 1, 20, "it is refused again")
        shown.letters.drop(shown.letters.read(None, None).letters[0], "ana@console")
        assert shown.letters.read(None, None).letters == ()
    rollout: dict[Any, Any] = {"id": "1-0", "revision": "1-0", "mode": "shadow", "version": "2", "champion": "1"}
    rollout |= {"digest": "d", "uri": "u", "share": "1", "salt": "s", "pairs": "True"}
    redis_client.hset(streams.rollout, mapping=rollout)
    await shown.watch.read()
    assert shown.watch.state.rollout.rollout is not None
    await life.stop()
    assert redis_client.xlen(streams.commands) == 1
    assert users.denied() == []


@pytest.mark.parametrize(("key", "message"), [("commands", "may not write"), ("consoles", "may not write")])
def test_a_right_that_the_console_lacks_is_named_at_the_start(
    users: Users, redis_client: redis.Redis, streams: Streams, key: str, message: str
) -> None:
    admin: Any = redis_client
    rooms = ("listings", "progress", "predictions", "commands", "gateway:*", "consoles", "history", "drift", "rollout*")
    patterns = [f"~{streams.prefix}:{name}" for name in (*rooms, "dead-letters*", "rate-limited") if name != key]
    admin.execute_command("ACL", "SETUSER", users.name("console"), "reset", "on", ">pw", "+@all", *patterns)
    address = users.url("console").partition("@")[2]
    url = SecretStr(f"redis://{users.name('console')}:pw@{address}")
    with pytest.raises(ServerError, match=message):
        check_start(settings_for(streams.prefix, redis_url=url))
