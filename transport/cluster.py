"""A client of a cluster: each command goes to the node that owns its key's slot, and none is executed twice.

It is one of redis-py's clients for each node, behind a client with the same methods. redis-py's own `RedisCluster`
repeats commands after a lost connection, and sends ASKING on another connection than the command that it is for.
Redirections are followed at once, because a command that is redirected was not executed. Every other error is the
caller's: TRYAGAIN, CLUSTERDOWN and lost connections are transient, and the next command asks the cluster again who owns
what.

A command or a script concerns keys of one slot. A pipeline may concern several: each node gets its part.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, cast

import redis
import redis.client
from redis.exceptions import AskError, RedisError

from transport.address import node_options, nodes_of
from transport.slots import (
    CONNECT_TIMEOUT_S,
    NODE_TIMEOUTS,
    Node,
    NodeSearch,
    Route,
    SlotTable,
    slot_of_command,
    slot_of_key,
)


class ClusterClient(redis.Redis):
    """A synchronous client of a cluster.

    Args:
        url: of the form `redis+cluster://`.
        options: of redis-py's client, beside the URL.
    """

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._options = node_options(url) | options | {"socket_connect_timeout": CONNECT_TIMEOUT_S}
        self._table = SlotTable(nodes_of(url))
        self._clients: dict[Node, redis.Redis] = {}
        self._lock = threading.Lock()
        super().__init__(connection_pool=self._client_of(self._table.nodes[0]).connection_pool)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """The reply of the node that owns the slot of the command's key; raises what that node answers."""
        route = Route(self._fresh_table(), slot_of_command(args))
        while True:
            client = self._client_of(route.node)
            try:
                if route.is_asked:
                    return _ask(client, args, options)
                return client.execute_command(*args, **options)  # type: ignore[no-untyped-call]
            except AskError as error:
                route.follow(error)
            except (RedisError, OSError) as error:
                self._table.note(error)
                raise

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> ClusterPipeline:  # noqa: FBT001, FBT002, ARG002
        """A pipeline whose commands may concern several slots; a script does what a transaction would.

        Raises:
            NotImplementedError: a transaction is wanted.
        """
        if transaction:
            raise NotImplementedError("a client of a cluster has no transactions")
        return ClusterPipeline(self)

    def execute_pipeline(self, commands: list[Any]) -> list[Any]:
        """The replies to commands with their options; an error that answers one of them stands in its place."""
        table = self._fresh_table()
        parts: dict[Node, list[int]] = {}
        for number, (args, _) in enumerate(commands):
            parts.setdefault(table.owner(slot_of_command(args)), []).append(number)
        replies: list[Any] = [None] * len(commands)
        for node, numbers in parts.items():
            pipeline = self._client_of(node).pipeline(transaction=False)
            pipeline.command_stack = [commands[number] for number in numbers]
            try:
                part = pipeline.execute(raise_on_error=False)
            except (RedisError, OSError) as error:
                table.note(error)
                raise
            for number, reply in zip(numbers, part, strict=True):
                replies[number] = reply
        for number, (args, options) in enumerate(commands):
            if isinstance(replies[number], AskError):
                replies[number] = self.execute_command(*args, **options)
            elif isinstance(replies[number], RedisError):
                table.note(replies[number])
        return replies

    def script_load(self, script: Any) -> Any:
        """Load a script on all nodes that own slots; returns its hash."""
        loaded = [self._client_of(node).script_load(script) for node in self._fresh_table().masters]
        return loaded[0]

    def scan_iter(self, *args: Any, **options: Any) -> Iterator[Any]:
        """The keys of all nodes."""
        for node in self._fresh_table().masters:
            yield from self._client_of(node).scan_iter(*args, **options)

    def pool_of(self, key: str) -> redis.ConnectionPool:
        """Connections to the node that owns a key's slot; the caller reports failures to `note_failure`."""
        return self._client_of(self._fresh_table().owner(slot_of_key(key))).connection_pool

    def note_failure(self, error: BaseException) -> None:
        """Ask the cluster who owns what before the next command, unless the error is an ordinary answer."""
        self._table.note(error)

    def close(self) -> None:
        """Close the connections to all nodes."""
        for client in self._clients.values():
            client.close()

    def _client_of(self, node: Node) -> redis.Redis:
        with self._lock:
            if node not in self._clients:
                self._clients[node] = redis.Redis(host=node[0], port=node[1], **self._options)
            return self._clients[node]

    def _fresh_table(self) -> SlotTable:
        """The table, after asking a node if it may have changed."""
        if not self._table.is_stale:
            return self._table
        search = NodeSearch(self._table)
        for node in self._table.nodes:
            options = self._options | NODE_TIMEOUTS
            try:
                with redis.Redis(host=node[0], port=node[1], **options) as client:
                    reply = client.execute_command("CLUSTER", "SLOTS")
            except (RedisError, OSError) as error:
                search.note(node, error)
                continue
            self._table.update(node, reply)
            return self._table
        raise search.failure()


class ClusterPipeline(redis.client.Pipeline):
    """Commands that are sent together, each node's in one round trip."""

    def __init__(self, client: ClusterClient) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction=False, shard_hint=None)
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002
        """The replies in order; raises as redis-py's pipeline."""
        commands = self.command_stack
        self.reset()
        replies = self._client.execute_pipeline(commands)
        if raise_on_error:
            for reply in replies:
                if isinstance(reply, RedisError):
                    raise reply
        return replies


def _ask(client: redis.Redis, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The reply to a command after ASKING on the same connection."""
    pipeline = cast("Any", client.pipeline(transaction=False))
    pipeline.execute_command("ASKING")
    pipeline.execute_command(*args, **options)
    _, reply = pipeline.execute(raise_on_error=False)
    if isinstance(reply, Exception):
        raise reply
    return reply
