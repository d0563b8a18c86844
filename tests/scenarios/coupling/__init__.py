"""The acceptance scenarios of couplings, as people and programs meet them."""
