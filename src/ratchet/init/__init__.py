"""From a place with data and the name of a column to a drafted contract and its parameters."""
