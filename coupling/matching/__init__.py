"""Finding partners: blocking keys in the database, scores with reasons, verdicts, and what people decided about them."""
