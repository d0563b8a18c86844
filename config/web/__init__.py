"""What all pages share: navigation, lists, tables, filters, forms, confirmation. docs/pages.md shows how to use it."""
