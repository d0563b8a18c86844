"""Pages to act as a person in either system: a salesperson in Sales, an order processor in Business Central.

They are ordinary clients of the two services inside the same process, so everything a person does here passes the same
checks and leaves the same traces as an API call. What they show is derived from the definitions.
"""
