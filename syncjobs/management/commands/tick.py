"""The scheduler: starts what is due, takes up what was left, every five seconds."""

import logging
import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import OperationalError, close_old_connections
from redis.exceptions import RedisError

from connector.services import maintenance
from syncjobs.services.ticking import tick

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Runs the scheduler: due jobs, jobs whose worker died, full synchronisations that can go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="One round, then end.")
        parser.add_argument("--interval", type=float, default=5.0, help="Seconds between two rounds.")

    def handle(self, *args: Any, once: bool, interval: float, **options: Any) -> None:
        if once:
            tick()
            return
        stopped = threading.Event()

        def stop(_number: int, _frame: FrameType | None) -> None:
            stopped.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        restored = False
        while not stopped.wait(interval):
            try:
                close_old_connections()
                if not restored:
                    maintenance.restore()
                    restored = True
                tick()
            except (OperationalError, RedisError):
                # Postgres or Redis is away; the scheduler outlives that.
                logger.exception("The scheduler's round failed")
