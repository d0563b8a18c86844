"""Sales orders and quotes: transactions with a state machine of their own; docs/documents.md is the overview."""
