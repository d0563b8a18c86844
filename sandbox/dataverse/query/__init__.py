"""Reading: from query options to SQL, and from SQL rows to answers."""
