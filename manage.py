#!/usr/bin/env python
"""Command-line entry point.

The sandbox is a separate program with its own settings and database that merely shares this repository, so its command
must never load the hub's settings (and needs neither PostgreSQL nor Redis).
"""

import os
import sys


def main() -> None:
    settings = "sandbox.settings" if sys.argv[1:2] == ["sandbox"] else "config.settings"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # Its text is written for the person who starts the hub; a traceback would bury it.
        sys.exit(str(error))


if __name__ == "__main__":
    main()
