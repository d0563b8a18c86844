"""Sales documents: prices, totals, release, posting, payments, archives, and what becomes of quotes."""
