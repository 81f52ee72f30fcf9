"""What happens at night: whether to train, and what to do with the result."""
