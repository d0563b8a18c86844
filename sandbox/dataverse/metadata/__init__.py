"""Metadata of the organisation: the service document, $metadata, EntityDefinitions and their changes."""
