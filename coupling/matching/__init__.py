"""Finding partners: blocking keys in the database, scores with reasons, verdicts, what people decided about them."""
