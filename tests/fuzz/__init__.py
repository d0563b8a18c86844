"""Random requests over everything that the sandbox publishes, with the rules that have to hold afterwards."""
