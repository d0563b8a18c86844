"""Business rules of the base tables: what validating, inserting, changing and deleting a row does besides storing it."""
