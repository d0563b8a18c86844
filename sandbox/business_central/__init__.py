"""Stand-in for Business Central: API v2.0, the companion API, page web services and web hooks.

As in the product, pages (entity sets) are views of base tables: `customers`, `Customer_Card`, `workflowCustomers` and
`customerExtras` all show the one Customer table. `schema` builds both from the definitions.
"""
