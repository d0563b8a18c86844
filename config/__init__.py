"""The Django project: settings, access, and what all pages share."""

__version__ = "0.1.0"
