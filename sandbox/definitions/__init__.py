"""The tables of Dataverse and the entities of Business Central as data, and their loaders.

The two JSON files are the project's own copies of the collected facts. Metadata documents, validation, storage and the
acting pages are all driven by them.
"""
