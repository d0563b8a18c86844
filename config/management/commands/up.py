"""`manage.py up`: everything a hub consists of, in one terminal; this is what `make run` calls."""

import signal
import sys
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import demo, startup
from config.announcement import announcement
from config.supervisor import Supervisor


class Command(BaseCommand):
    help = "Starts database, Redis, sandbox, web server, workers and scheduler, and stops all of them at Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        # Both end the start with clean-up; once the processes run, the supervisor handles SIGTERM and Ctrl-C itself.
        signal.signal(signal.SIGTERM, _exit)
        signal.signal(signal.SIGHUP, _exit)
        try:
            with startup.only_instance(settings.DATA_DIR):
                self._run()
        except startup.StartError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("\nStopped.")

    def _run(self) -> None:
        startup.end_leftovers(settings.DATA_DIR)
        startup.require_free_ports(_ports())
        self._say("Starting the database and Redis …")
        with startup.running_servers(settings.DATA_DIR) as servers:
            startup.require_redis()
            self._say("Preparing the database …")
            startup.prepare_database()
            startup.collect_static_files()
            sign_ins = demo.ensure_demo_users() if settings.SANDBOX_ENABLED else []
            startup.close_connections()
            supervisor = Supervisor(servers, lambda: announcement(sign_ins))
            signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
            supervisor.loop()
            # From here to the end nothing may interrupt: the database is being stopped.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            startup.end_leftovers(settings.DATA_DIR)
        if supervisor.failed_server:
            server = supervisor.failed_server
            raise startup.StartError(f"{server.name} ended by itself. The end of {server.log}:\n{server.log_tail()}")
        if not supervisor.stopped_on_request:
            raise startup.StartError("One of the processes ended by itself; the lines above say which and why.")
        self._say("Stopped.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _ports() -> dict[str, tuple[str, int]]:
    """The ports to listen on, by the variable that sets each."""
    ports = {"COUPLET_PORT": (settings.WEB_HOST, settings.WEB_PORT)}
    if settings.SANDBOX_ENABLED:
        ports["COUPLET_SANDBOX_PORT"] = ("127.0.0.1", settings.SANDBOX_PORT)
        ports["COUPLET_SANDBOX_HTTP_PORT"] = ("127.0.0.1", settings.SANDBOX_HTTP_PORT)
    return ports


def _exit(*_: Any) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)
