"""What is missing or broken here, and what to do about it."""
