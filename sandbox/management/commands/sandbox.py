"""``manage.py sandbox``: starts the stand-in for both systems and prints how to reach it."""

import signal
import threading
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sandbox import application
from sandbox.identity.clients import DEFAULT_CLIENTS
from sandbox.identity.tokens import BUSINESS_CENTRAL_AUDIENCE
from sandbox.server import Server, share_allocator_arenas, start_in_background
from sandbox.state import Sandbox, Sizes
from sandbox.tls import ensure_certificates


class Command(BaseCommand):
    help = "Starts the sandbox: Dataverse Web API, Business Central API and token endpoint in one process."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8443, help="HTTPS port; 0 takes a free one")
        parser.add_argument("--http-port", type=int, help="additional plain HTTP port; 0 takes a free one")
        parser.add_argument("--data-dir", type=Path, default=Path("var/sandbox"))
        parser.add_argument("--dataset", choices=["empty", "demo", "bulk"], default="demo")
        parser.add_argument("--seed", type=int, default=1)
        for name in ("customers", "accounts", "contacts", "items"):
            parser.add_argument(f"--{name}", type=int, default=0, help="for --dataset bulk")
        parser.add_argument("--reset", action="store_true", help="load the dataset even if the data directory has one")
        parser.add_argument("--port-file", type=Path, help="file that receives the address once the sandbox answers")

    def handle(self, *args: Any, **options: Any) -> None:
        share_allocator_arenas()
        sandbox = application.build(options["data_dir"].resolve())
        if options["reset"] or application.loaded_dataset(sandbox) is None:
            sizes = Sizes(**{name: options[name] for name in ("customers", "accounts", "contacts", "items")})
            self.stdout.write(f"Loading the dataset '{options['dataset']}' …")
            application.load_dataset(sandbox, options["dataset"], options["seed"], sizes)
        servers = self._servers(sandbox, options)
        origins = [
            f"{'https' if index == 0 else 'http'}://{options['host']}:{server.bind_addr[1]}"
            for index, server in enumerate(servers)
        ]
        self._announce(sandbox, origins)
        if options["port_file"]:
            options["port_file"].write_text("\n".join(origins), encoding="utf-8")
        self._wait()
        stopping = [threading.Thread(target=server.stop) for server in servers]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        sandbox.store.close()

    def _servers(self, sandbox: Sandbox, options: dict[str, Any]) -> list[Server]:
        from sandbox import pages
        from sandbox.wsgi import application as wsgi_application

        pages.serve(sandbox)
        certificates = ensure_certificates(sandbox.data_directory)
        answer = partial(application.handler, sandbox)
        tls = (certificates.certificate_file, certificates.key_file)
        servers = [Server((options["host"], options["port"]), answer, wsgi_application, tls)]
        if options["http_port"] is not None:
            servers.append(Server((options["host"], options["http_port"]), answer, wsgi_application, None))
        for server in servers:
            try:
                start_in_background(server)
            except OSError as error:
                raise CommandError(
                    f"The sandbox cannot listen on {server.bind_addr[0]}:{server.bind_addr[1]} ({error})."
                    " Is it running already? Choose another port with --port."
                ) from error
        sandbox.tokens.ports = {int(server.bind_addr[1]) for server in servers}
        return servers

    def _announce(self, sandbox: Sandbox, origins: list[str]) -> None:
        company, _ = sandbox.business_central.identity()
        lines = [
            "",
            f"Sandbox:      {'  '.join(origins)}",
            f"CA file:      {sandbox.data_directory / 'ca.pem'}   (export SANDBOX_CA_FILE with it)",
            f"Tenant:       {sandbox.tenant_id}   environment: {sandbox.environment}   company: {company}",
            f"Sales:        {origins[0]}/api/data/v9.2/   scope {origins[0]}/.default",
            f"BC:           {origins[0]}/v2.0/{sandbox.tenant_id}/{sandbox.environment}/api/v2.0/"
            f"   scope {BUSINESS_CENTRAL_AUDIENCE}/.default",
            f"Token:        {origins[0]}/{sandbox.tenant_id}/oauth2/v2.0/token",
            *(f"Client:       {client.client_id}   secret {client.client_secret}" for client in DEFAULT_CLIENTS),
            f"Pages:        {origins[0]}/sales/   {origins[0]}/business-central/",
            "",
        ]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()

    @staticmethod
    def _wait() -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        stop.wait()
