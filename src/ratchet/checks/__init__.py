"""How a batch differs from those before it, and what follows from that."""
