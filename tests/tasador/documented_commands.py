"""What the pages promise of their commands, in the order in which a reader types them; and why some are not typed."""

from __future__ import annotations

from dataclasses import dataclass

from tests.documented_blocks import commands_of


@dataclass(frozen=True)
class DocumentedCommand:
    """A command of a page.

    Attributes:
        command: as on the page.
        promise: a regular expression that its output contains.
        exit_code: of the command.
        typed: what is typed instead, where the page names a file or a version that only its reader has.
        is_followed: whether it runs until Ctrl-C, which is sent when the promise is kept.
    """

    command: str
    promise: str
    exit_code: int = 0
    typed: str = ""
    is_followed: bool = False


STEPS: dict[str, tuple[DocumentedCommand, ...]] = {
    "README.md": (
        DocumentedCommand("tasador publish --sample 100", r"100 listings published"),
        DocumentedCommand("tasador tail predictions", r" v1\b", is_followed=True),
        DocumentedCommand("tasador status", r"answered +100 = 100 scored"),
        DocumentedCommand(
            "tasador train --models xgboost-reference --no-promote", r"version 2 of housing .* is registered"
        ),
        DocumentedCommand(
            'tasador reload --version 2 --force --reason "a try" --wait',
            r"version 2 is activated .* confirmed by consumer-1",
        ),
        DocumentedCommand("tasador rollback --wait", r"version 1 is activated .* confirmed by consumer-1"),
        DocumentedCommand("tasador history", r"a try"),
        DocumentedCommand("tasador dead-letters list", r"no dead letters"),
        DocumentedCommand("tasador verify", r"^ok$"),
        DocumentedCommand("tasador drift", r"not enough rows"),
    ),
    "docs/registry.md": (
        DocumentedCommand("tasador registry versions", r"xgboost-reference"),
        DocumentedCommand("tasador registry show 7", r"sha256", typed="tasador registry show 2"),
        DocumentedCommand(
            "tasador registry compare 6 7", r"(?s)VERSION 1 +VERSION 2.*same", typed="tasador registry compare 1 2"
        ),
        DocumentedCommand(
            "tasador registry compare 6 7 --html compared.html",
            r"VERSION 1 +VERSION 2",
            typed="tasador registry compare 1 2 --html compared.html",
        ),
        DocumentedCommand("tasador registry best --metric test_mae", r"TEST MAE"),
        DocumentedCommand("tasador history", r"a try"),
        DocumentedCommand(
            "tasador registry promote 7 --wait",
            r"version 2 is activated .* confirmed by consumer-1",
            typed="tasador registry promote 2 --wait",
        ),
        DocumentedCommand(
            "tasador registry promote 7 Staging", r"challenger", typed="tasador registry promote 2 Staging"
        ),
        DocumentedCommand(
            'tasador registry promote 7 --force --reason "the champion leaks"',
            r"version 2",
            typed='tasador registry promote 2 --force --reason "the champion leaks"',
        ),
        DocumentedCommand(
            "tasador reload --version 7 --wait",
            r"version 2 is activated .* confirmed by consumer-1",
            typed="tasador reload --version 2 --wait",
        ),
        DocumentedCommand(
            'tasador reload --version 7 --force --reason "to see its answers"',
            r"version 1 is activated",
            typed='tasador reload --version 1 --force --reason "to see its answers"',
        ),
        DocumentedCommand("tasador rollback --wait", r"version 2 is activated .* confirmed by consumer-1"),
    ),
    "docs/rollouts.md": (
        DocumentedCommand(
            "tasador rollout start --version 7 --mode shadow --until 7d --wait",
            r"shadow of version 1 at 1 of the listings .* is started; confirmed by consumer-1",
            typed="tasador rollout start --version 1 --mode shadow --until 7d --wait",
        ),
        DocumentedCommand("tasador rollout status", r"shadow of version 1 beside version 2"),
        DocumentedCommand(
            "tasador rollout adjust --mode canary --share 0.1 --wait", r"canary of version 1 at 0.1 .* is adjusted"
        ),
        DocumentedCommand('tasador rollout stop --reason "no better" --wait', r"is stopped; confirmed by consumer-1"),
    ),
    "docs/stored-features.md": (
        DocumentedCommand(
            "tasador features put homes.csv --id-column ID --at 2h",
            r"subjects stored: 506",
            # the table has no ids
            typed="tasador features put homes.csv --id-column MEDV --at 2h",
        ),
        DocumentedCommand(
            "tasador features get property-981", r"(?s)CRIM +\d.*true at", typed="tasador features get 24.0"
        ),
        DocumentedCommand(
            "tasador features expire property-981", r"subjects removed: 1", typed="tasador features expire 24.0"
        ),
        DocumentedCommand(
            "redis-cli HSET housing:features:property-981 RM 6.575 LSTAT 4.98 at 2026-11-28T12:00:00Z", r"^3$"
        ),
    ),
    "docs/http.md": (
        DocumentedCommand("tasador keys add web-shop --role client", r"^tsd_"),
        DocumentedCommand("tasador keys list", r"^web-shop +client"),
        DocumentedCommand("tasador keys revoke web-shop", r"web-shop of housing is revoked"),
    ),
    "docs/training.md": (
        DocumentedCommand("tasador data check homes.csv", r"506 of 506 rows of homes.csv accepted"),
        DocumentedCommand("tasador data report homes.csv", r"reports/housing/data.html"),
    ),
    "docs/explanations.md": (
        DocumentedCommand("tasador predict homes.csv", r"506 rows predicted by version \d, 0 refused"),
        DocumentedCommand("tasador predict homes.csv --out predictions.csv", r"506 rows predicted by version"),
        DocumentedCommand("tasador predict homes.csv --explain", r"BECAUSE OF"),
        DocumentedCommand("tasador predict homes.csv --interval", r"RANGE \(0\.9\)"),
    ),
    "docs/drift.md": (
        DocumentedCommand("tasador drift", r"not enough rows"),
        DocumentedCommand(
            "tasador drift --reference A.csv --current B.csv", r"drift +206 rows against 300", exit_code=3
        ),
    ),
    "docs/runbook.md": (
        DocumentedCommand("redis-cli MEMORY USAGE housing:listings SAMPLES 0", r"^\d{4,}$"),
        DocumentedCommand("redis-cli XLEN housing:listings", r"^\d{3}$"),
        DocumentedCommand("redis-cli INFO memory", r"used_memory_human:"),
        DocumentedCommand("tasador logs", r"consumer-1"),
        DocumentedCommand("tasador logs consumer-1 -f", r"model", is_followed=True),
        DocumentedCommand("tasador restart housing/trainer", r"trainer"),
        DocumentedCommand("mkdir -p backup", r""),
        DocumentedCommand("redis-cli BGSAVE", r"Background saving started"),
        DocumentedCommand(
            "python -c \"import sqlite3; sqlite3.connect('.tasador/mlflow.db')"
            ".backup(sqlite3.connect('backup/mlflow.db'))\"",
            r"",
        ),
        DocumentedCommand("cp -r .tasador/artifacts backup/", r""),
        DocumentedCommand("redis-cli CONFIG SET appendonly yes", r"OK"),
        DocumentedCommand("redis-cli INFO persistence | grep aof_rewrite", r"aof_rewrite_in_progress:0"),
    ),
}
"""Page -> its commands that a reader types on a system that runs."""

_MAKE = "prepares or tests a checkout"
_CONTAINERS = "needs a Docker engine: tests/containers/compose.py::test_2000_sample_listings_get_one_outcome_each"
_CONTAINERS_OF_CLUSTER = (
    "needs a Docker engine: tests/containers/compose_cluster.py"
    "::test_listings_of_three_shards_on_different_masters_are_answered"
)
_TRAINS = "trains for minutes: tests/training/learning/test_selection.py"
_DVC = "needs a repository of DVC: tests/training/test_stages.py"
_OWN_TABLE = (
    "a table of the reader's: tests/tasador/test_domain_new.py"
    "::test_a_new_table_becomes_a_domain_that_is_trained_and_scored"
)
_NODE = "downloads packages: tests/tasador/test_clients.py::test_the_client_for_node_publishes_and_reads_its_answers"
_NODE_ON_CLUSTER = (
    "a cluster of the reader's: tests/faults/test_node_client.py"
    "::test_listings_go_to_shards_on_several_nodes_of_a_cluster"
)
_NODE_BY_SENTINEL = (
    "Sentinels of the reader's: tests/faults/test_node_client.py::test_listings_go_to_the_master_that_sentinels_name"
)
_OWN_REDIS = "a server of the reader's: tests/tasador/test_runbook.py::test_a_restored_backup_continues_without_loss"
_OPTIONS = "the servers of tests/watched_redis.py have these options"
_ROLES = "a server with users: tests/security/test_roles.py::test_roles_have_the_rights_for_the_main_job"
_SHARDS = "other pages expect one shard: tests/tasador/test_shards_command.py::test_the_number_is_changed_and_shown"
_SECOND_DOMAIN = (
    "trains: tests/tasador/test_detached_system.py::test_a_domain_is_added_to_the_running_system_and_removed"
)
_HTTP = "the port may be taken: tests/gateway/test_documented_requests.py::test_curl_lines_of_the_pages_are_answered"
_REQUESTS = [line for page in ("README.md", "docs/http.md") for line in commands_of(page) if line.startswith("curl ")]
NOT_TYPED: dict[str, str] = {
    **dict.fromkeys(_REQUESTS, _HTTP),
    "git clone <address of this repository> tasador && cd tasador": _MAKE,
    "make demo": "tests/tasador/test_one_machine.py::test_the_demo_gives_every_listing_one_outcome_across_a_swap",
    "make test": _MAKE,
    "make up": "the test's own system runs: tests/tasador/test_one_machine.py",
    "source .venv/bin/activate": "the environment of the test is active",
    "tasador up --domain obesity": _SECOND_DOMAIN,
    "tasador down --domain obesity": _SECOND_DOMAIN,
    "tasador down": "ends the system: tests/tasador/test_detached_system.py::test_down_stops_everything_and_says_what",
    "tasador mlflow": "tests/tasador/test_mlflow_command.py::test_the_page_serves_the_registry_until_ctrl_c",
    "tasador retrain --wait": "trains: tests/tasador/test_closed_loop.py",
    "tasador train --models boosting,linear": _TRAINS,
    "tasador train --models shap-kept": _TRAINS,
    "dvc repro": _DVC,
    "dvc metrics show": _DVC,
    "dvc plots show": _DVC,
    "dvc dag": _DVC,
    "tasador domain new wine.csv --target cultivar --write-params": _OWN_TABLE,
    "tasador train --domain wine": _OWN_TABLE,
    "tasador up --domain wine": _OWN_TABLE,
    "tasador publish wine.csv --domain wine --out answers.csv": _OWN_TABLE,
    "tasador status --domain wine": _OWN_TABLE,
    "tasador domain new passengers.csv --target Survived --skip Name --skip Ticket --id-column PassengerId": _OWN_TABLE,
    "tasador publish passengers.csv --domain passengers": _OWN_TABLE,
    "tasador publish others.csv --domain passengers --rename Geschlecht=Sex --skip Notiz --decimal ,": _OWN_TABLE,
    "tasador shards status": _SHARDS,
    "tasador shards set 4 --wait": _SHARDS,
    "tasador explain home-17": "a listing of the reader's: tests/explainer/test_explain_command.py"
    "::test_a_listing_is_explained_with_and_without_a_stored_explanation",
    "tasador explain home-17 --set RM=7 --set LSTAT=": "a listing of the reader's: tests/explainer/test_what_if.py"
    "::test_the_command_asks_what_if",
    "tasador explain --global": "needs 50 explanations: tests/explainer/test_weights.py"
    "::test_weights_of_late_are_compared_with_training",
    "cd examples/node && npm ci": _NODE,
    "REDIS_URL=redis://127.0.0.1:6379 node client.mjs listings.jsonl housing": _NODE,
    "REDIS_URL=redis+sentinel://s1:26379,s2:26379/main node client.mjs listings.jsonl housing": _NODE_BY_SENTINEL,
    "REDIS_URL=redis+cluster://n1:6379,n2:6379 node client.mjs listings.jsonl {housing}": _NODE_ON_CLUSTER,
    "docker-compose run --rm operator keys add web-shop": _CONTAINERS,
    "docker-compose --profile gateway up -d": _CONTAINERS,
    "docker-compose run --rm operator keys add ana --role operator": _CONTAINERS,
    "docker-compose --profile console up -d": _CONTAINERS,
    "make compose-up": _CONTAINERS,
    "make compose-sample": _CONTAINERS,
    "make compose-down": _CONTAINERS,
    "docker-compose run --rm operator status": _CONTAINERS,
    "deploy/passwords.sh": _CONTAINERS_OF_CLUSTER,
    "cat deploy/cluster.env >> .env": _CONTAINERS_OF_CLUSTER,
    "docker-compose --profile cluster up -d --build": _CONTAINERS_OF_CLUSTER,
    "docker-compose run --rm operator shards set 3 --wait": _CONTAINERS_OF_CLUSTER,
    "docker-compose up -d --scale consumer=4": "needs a Docker engine: tests/containers/compose.py"
    "::test_consumers_can_be_scaled",
    'echo "GRAFANA_PASSWORD=$(openssl rand -hex 16)" >> .env': "belongs to the containers",
    "docker-compose --profile observability up --detach": "needs a Docker engine, and downloads images",
    "docker-compose logs --follow webhook": "needs a Docker engine: tests/observability/test_webhook.py"
    "::test_an_alert_is_received_at_the_webhook",
    'PREFIXES="housing obesity" REDIS_CLIENT_PASSWORD=... deploy/redis/render-acl.sh deploy/redis/users.acl '
    "> users.acl": _ROLES,
    "redis-server --aclfile users.acl ...": _ROLES,
    "redis-server --min-replicas-to-write 1 --min-replicas-max-lag 2 --repl-diskless-sync-delay 0 ...": _OPTIONS,
    'TASADOR_REDIS_URL="rediss://consumer:...@redis:6380/0?ssl_ca_certs=/tls/ca.crt&ssl_certfile=/tls/own.crt'
    '&ssl_keyfile=/tls/own.key"': "a server with TLS: tests/security/test_tls.py::test_processes_work_over_tls",
    "cp /var/lib/redis/dump.rdb backup/": _OWN_REDIS,
    "redis-server --dir /var/lib/redis --dbfilename dump.rdb --appendonly no --maxmemory-policy noeviction": _OWN_REDIS,
}
"""Command -> why no test types it on a running system, with the test that does so elsewhere."""
