"""``python -m sandbox`` starts the sandbox, like ``manage.py sandbox``."""

import os
import sys


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", "sandbox", *sys.argv[1:]])


if __name__ == "__main__":
    main()
