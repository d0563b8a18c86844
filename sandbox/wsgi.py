"""WSGI entry point of the sandbox's pages (the two APIs are answered before Django is asked)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sandbox.settings")
application = get_wsgi_application()
