"""The slots of a cluster: which one a command belongs to, which node owns it, and where redirections lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.exceptions
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, ResponseError

from schemas.errors import ServerError

Node = tuple[str, int]
"""Host and port."""

CONNECT_TIMEOUT_S = 1.0
"""For connecting to a node: while its host is away, nothing refuses, and another node may take its place meanwhile."""
NODE_TIMEOUTS = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}
"""For asking a node who owns what, so that nodes which are away do not take the time of the others."""
NEXT_NODE_S = 0.1
"""An asynchronous client asks the next node, too, after this time, because all of its commands wait for the answer."""
REDIRECTIONS = 5
"""How often a command follows redirections before the last one is its error."""

_KEYLESS = {
    *(
        "ACL",
        "CLIENT",
        "CLUSTER",
        "COMMAND",
        "CONFIG",
        "DBSIZE",
        "ECHO",
        "INFO",
        "LASTSAVE",
        "LATENCY",
        "MODULE",
        "PING",
    ),
    *("ROLE", "SCAN", "SCRIPT", "SLOWLOG", "TIME"),
}
_SCRIPTS = {"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"}
_READS = {"XREAD", "XREADGROUP"}
CHANGES = (ClusterDownError, redis.exceptions.MasterDownError, redis.exceptions.ReadOnlyError)
"""Answers of a node that may have been replaced, or cut off from the others."""
_REFUSALS = (redis.exceptions.AuthenticationError, redis.exceptions.NoPermissionError)


def slot_of_key(key: str | bytes) -> int:
    """The slot of a key, by its hash tag if it has one."""
    return int(key_slot(key if isinstance(key, bytes) else key.encode()))


def slot_of_command(arguments: Sequence[Any]) -> int | None:
    """The slot of a command's first key; None if it has no key, so that any node can execute it.

    Whether its other keys are in the same slot, the server checks.
    """
    # redis-py gives a subcommand in one text with its command, as "XINFO GROUPS"
    name = str(arguments[0]).partition(" ")[0].upper()
    if name in _KEYLESS:
        return None
    if name in _SCRIPTS:
        return slot_of_key(arguments[3]) if int(arguments[2]) else None
    if name in _READS:
        texts = [each.decode() if isinstance(each, bytes) else str(each) for each in arguments]
        return slot_of_key(texts[texts.index("STREAMS") + 1])
    return slot_of_key(arguments[1])


def is_redirection(reply: Any) -> bool:
    """Whether a node redirects the command elsewhere, which was not executed."""
    return isinstance(reply, ResponseError) and str(reply).startswith(("MOVED ", "ASK "))


class SlotTable:
    """Which node owns each slot, as far as is known.

    Args:
        nodes: any nodes of the cluster, which are asked first.

    Attributes:
        is_stale: whether the cluster should be asked before the next command.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._named = tuple(nodes)
        self._owners: list[Node | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._asked: Node | None = None
        self._silent: set[Node] = set()
        self._doubts: dict[Node, int] = {}
        self.is_stale = True

    @property
    def nodes(self) -> list[Node]:
        """The nodes to ask. Those come last that did not answer, and before them those whose word led to errors.

        A node that is cut off from the others goes on saying what it knew.
        """
        known = dict.fromkeys((*self._named, *self.masters))
        return sorted(known, key=lambda node: (node in self._silent, self._doubts.get(node, 0)))

    @property
    def masters(self) -> list[Node]:
        """The nodes that own slots."""
        return list(dict.fromkeys(owner for owner in self._owners if owner))

    def update(self, asked: Node, reply: Any) -> None:
        """Take over a node's reply to CLUSTER SLOTS."""
        owners: list[Node | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, master, *_ in reply:
            owners[first : last + 1] = [_node(master[0], master[1], asked)] * (last + 1 - first)
        self._owners, self._asked, self.is_stale = owners, asked, False
        self._silent.discard(asked)

    def note_silence(self, node: Node) -> None:
        """Ask a node that has not answered after all others."""
        self._silent.add(node)

    def owner(self, slot: int | None) -> Node:
        """The node that owns a slot; for a command without a key the one that has answered last.

        Raises:
            ClusterDownError: no node owns it.
        """
        owner = self._owners[slot] if slot is not None else self._asked
        if owner is None:
            self.is_stale = True
            raise ClusterDownError(f"the cluster is not complete: no node serves slot {slot or 0}")
        return owner

    def move(self, slot: int, node: Node) -> None:
        """Take over the owner of one slot."""
        self._owners[slot] = node

    def note(self, error: BaseException) -> None:
        """Take over what an error says: unless it is an ordinary answer, owners may have changed."""
        if isinstance(error, ResponseError) and not isinstance(error, CHANGES):
            return
        self.is_stale = True
        if self._asked:
            self._doubts[self._asked] = max(self._doubts.values(), default=0) + 1


class Route:
    """Where one command goes: to the owner of its slot, then along redirections.

    Args:
        table: gets to know what redirections say.
        slot: of the command; None for one without a key.

    Attributes:
        node: where to send it now.
        is_asked: whether ASKING comes before it, on the same connection.

    Raises:
        ClusterDownError: no node owns the slot.
    """

    def __init__(self, table: SlotTable, slot: int | None) -> None:
        self._table = table
        self._redirections = 0
        self.node = table.owner(slot)
        self.is_asked = False

    def begin(self) -> None:
        """Count the redirections of the next command from 0."""
        self._redirections = 0

    def follow(self, error: AskError) -> None:
        """Go where a redirection leads; the command was not executed.

        Raises:
            AskError: the redirection itself, after too many.
        """
        self._redirections += 1
        if self._redirections > REDIRECTIONS:
            self._table.is_stale = True
            raise error
        self.node = _node(error.host, error.port, self.node)
        self.is_asked = not isinstance(error, MovedError)
        if not self.is_asked:
            self._table.move(error.slot_id, self.node)


class NodeSearch:
    """Why no node has said yet who owns what.

    Args:
        table: gets to know which nodes are silent.
    """

    def __init__(self, table: SlotTable) -> None:
        self._table = table
        self._problems: list[str] = []

    def note(self, node: Node, error: Exception) -> None:
        """Go on to the next node after an error, unless it will be the same everywhere.

        Raises:
            ServerError: this server is no node of a cluster.
            redis.exceptions.RedisError: the user is refused.
        """
        if "cluster support disabled" in str(error):
            raise ServerError(
                f"Redis at {node[0]}:{node[1]} does not run in cluster mode: use redis:// instead of redis+cluster://"
            ) from error
        if isinstance(error, _REFUSALS):
            raise error
        self._table.note_silence(node)
        self._problems.append(f"{node[0]}:{node[1]}: {error}")

    def failure(self) -> redis.exceptions.ConnectionError:
        """The error after all nodes were asked."""
        return redis.exceptions.ConnectionError(f"no node of the cluster answers: {'; '.join(self._problems)}")


def is_change(reply: Any) -> bool:
    """Whether a reply says that the node does not have the slot, or is not in a state to serve it."""
    answers = ("MOVED ", "ASK ", "CLUSTERDOWN ", "MASTERDOWN ", "READONLY ")
    return isinstance(reply, ResponseError) and str(reply).startswith(answers)


def _node(host: Any, port: int, asked: Node) -> Node:
    name = host.decode() if isinstance(host, bytes) else host
    # a node that does not know its own address leaves it out
    return (name if name and name != "?" else asked[0], int(port))
