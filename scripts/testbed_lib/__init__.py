"""What scripts/testbed is made of."""
