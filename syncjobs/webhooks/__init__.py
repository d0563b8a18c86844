"""Changes that the two systems announce: from the receiver's address to a run of the mappings concerned."""
