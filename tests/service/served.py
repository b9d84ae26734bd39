"""Runs an application without work, for tests that stop it with a signal; prints its port when it is up."""

from __future__ import annotations

import logging
import sys

from faststream.redis import RedisBroker
from faststream.specification import AsyncAPI

from schemas.settings import load_settings
from service.application import ServedApp, bind, serve
from service.endpoints import routes
from service.health import Health
from service.logs import BROKER, configure
from service.metrics import build_registry


def main(redis_url: str) -> None:
    configure(load_settings())
    health = Health()
    listener = bind(0, "127.0.0.1")
    broker = RedisBroker(redis_url, logger=logging.getLogger(BROKER))
    app = ServedApp(broker, asgi_routes=routes(health, build_registry(), AsyncAPI()))

    def is_up() -> None:
        health.clear("start")
        say(str(listener.getsockname()[1]))

    app.after_startup(is_up)
    app.on_shutdown(lambda: say("shut down"))
    serve(app, listener)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
