"""`transport.cluster` for asynchronous clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import redis.asyncio
import redis.asyncio.client
from redis.exceptions import AskError, RedisError

from transport.address import node_options, nodes_of
from transport.slots import (
    CONNECT_TIMEOUT_S,
    NEXT_NODE_S,
    NODE_TIMEOUTS,
    Node,
    NodeSearch,
    Route,
    SlotTable,
    slot_of_command,
    slot_of_key,
)
from transport.tasks import end_tasks


class AsyncClusterClient(redis.asyncio.Redis):
    """An asynchronous client of a cluster; arguments and errors as of `ClusterClient`."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._options = node_options(url) | options | {"socket_connect_timeout": CONNECT_TIMEOUT_S}
        self._table = SlotTable(nodes_of(url))
        self._clients: dict[Node, redis.asyncio.Redis] = {}
        self._refreshing = asyncio.Lock()
        super().__init__(connection_pool=self.client_of(self._table.nodes[0]).connection_pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The reply of the node that owns the slot of the command's key; raises what that node answers."""
        route = Route(await self._fresh_table(), slot_of_command(args))
        while True:
            client = self.client_of(route.node)
            try:
                if route.is_asked:
                    return await _ask(client, args, options)
                return await client.execute_command(*args, **options)  # type: ignore[no-untyped-call]
            except AskError as error:
                route.follow(error)
            except (RedisError, OSError) as error:
                self._table.note(error)
                raise

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> AsyncClusterPipeline:  # noqa: FBT001, FBT002, ARG002
        """As `ClusterClient.pipeline`."""
        if transaction:
            raise NotImplementedError("a client of a cluster has no transactions")
        return AsyncClusterPipeline(self)

    async def execute_pipeline(self, commands: list[Any]) -> list[Any]:
        """As `ClusterClient.execute_pipeline`, all nodes at once."""
        table = await self._fresh_table()
        parts: dict[Node, list[int]] = {}
        for number, (args, _) in enumerate(commands):
            parts.setdefault(table.owner(slot_of_command(args)), []).append(number)
        replies: list[Any] = [None] * len(commands)

        async def execute(node: Node, numbers: list[int]) -> None:
            pipeline = self.client_of(node).pipeline(transaction=False)
            pipeline.command_stack = [commands[number] for number in numbers]
            for number, reply in zip(numbers, await pipeline.execute(raise_on_error=False), strict=True):
                replies[number] = reply

        done = await asyncio.gather(*(execute(*part) for part in parts.items()), return_exceptions=True)
        for error in done:
            if error is not None:
                table.note(error)
                raise error
        for number, (args, options) in enumerate(commands):
            if isinstance(replies[number], AskError):
                replies[number] = await self.execute_command(*args, **options)
            elif isinstance(replies[number], RedisError):
                table.note(replies[number])
        return replies

    async def script_load(self, script: Any) -> Any:
        """As `ClusterClient.script_load`."""
        loaded = [await self.client_of(node).script_load(script) for node in (await self._fresh_table()).masters]
        return loaded[0]

    async def scan_iter(self, *args: Any, **options: Any) -> AsyncIterator[Any]:  # type: ignore[override]
        """The keys of all nodes."""
        for node in (await self._fresh_table()).masters:
            async for key in self.client_of(node).scan_iter(*args, **options):
                yield key

    async def pool_of(self, key: str) -> redis.asyncio.ConnectionPool:
        """As `ClusterClient.pool_of`."""
        return self.client_of((await self._fresh_table()).owner(slot_of_key(key))).connection_pool

    async def parts_of(self, keys: Sequence[bytes], *, is_asked_anew: bool = False) -> dict[Node, list[int]]:
        """The numbers of keys, counted from 0, by the node that owns their slots.

        Args:
            keys: of any slots.
            is_asked_anew: whether the cluster is asked, even if it seems to be known.

        Raises:
            redis.exceptions.RedisError: no node says who owns what, or nobody owns the slot of a key.
        """
        self._table.is_stale = self._table.is_stale or is_asked_anew
        table = await self._fresh_table()
        parts: dict[Node, list[int]] = {}
        for number, key in enumerate(keys):
            parts.setdefault(table.owner(slot_of_key(key)), []).append(number)
        return parts

    def note_failure(self, error: BaseException) -> None:
        """As `ClusterClient.note_failure`."""
        self._table.note(error)

    async def route_to(self, key: str) -> Route:
        """The route to the owner of a key's slot, after asking the cluster which node that is."""
        self._table.is_stale = True
        return Route(await self._fresh_table(), slot_of_key(key))

    def client_of(self, node: Node) -> redis.asyncio.Redis:
        """The client of one node."""
        if node not in self._clients:
            self._clients[node] = redis.asyncio.Redis(host=node[0], port=node[1], **self._options)
        return self._clients[node]

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001, ARG002
        """Close the connections to all nodes."""
        for client in self._clients.values():
            await client.aclose()

    async def _fresh_table(self) -> SlotTable:
        """The table, after asking a node if it may have changed."""
        async with self._refreshing:
            if not self._table.is_stale:
                return self._table
            search = NodeSearch(self._table)
            asked: dict[asyncio.Task[Any], Node] = {}
            try:
                for node in self._table.nodes:
                    asked[asyncio.create_task(self._ask_slots(node))] = node
                    if await self._take_answer(asked, search, NEXT_NODE_S):
                        return self._table
                if await self._take_answer(asked, search, None):
                    return self._table
            finally:
                await end_tasks(asked)
                await asyncio.gather(*asked, return_exceptions=True)
            raise search.failure()

    async def _ask_slots(self, node: Node) -> Any:
        async with redis.asyncio.Redis(host=node[0], port=node[1], **(self._options | NODE_TIMEOUTS)) as client:
            return await client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]

    async def _take_answer(
        self, asked: dict[asyncio.Task[Any], Node], search: NodeSearch, timeout_s: float | None
    ) -> bool:
        """Take over who owns what, if one of the nodes that were asked says so in time."""
        while asked:
            done, _ = await asyncio.wait(asked, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                return False
            task = done.pop()
            node = asked.pop(task)
            try:
                self._table.update(node, task.result())
            except (RedisError, OSError) as error:
                search.note(node, error)
                continue
            for late in asked.values():
                self._table.note_silence(late)
            return True
        return False


class AsyncClusterPipeline(redis.asyncio.client.Pipeline):
    """Commands that are sent together, each node's in one round trip."""

    def __init__(self, client: AsyncClusterClient) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction=False, shard_hint=None)
        self._client = client

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002
        """The replies in order; raises as redis-py's pipeline."""
        commands = self.command_stack
        await self.reset()  # type: ignore[no-untyped-call]
        replies = await self._client.execute_pipeline(commands)
        if raise_on_error:
            for reply in replies:
                if isinstance(reply, RedisError):
                    raise reply
        return replies


async def _ask(client: redis.asyncio.Redis, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The reply to a command after ASKING on the same connection."""
    pipeline = cast("Any", client.pipeline(transaction=False))
    pipeline.execute_command("ASKING")
    pipeline.execute_command(*args, **options)
    _, reply = await pipeline.execute(raise_on_error=False)
    if isinstance(reply, Exception):
        raise reply
    return reply
