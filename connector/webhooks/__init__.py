"""Announcements of changes: registering them in both systems, and telling whether an announcement is genuine."""
