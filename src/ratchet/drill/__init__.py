"""The fire drill: faults injected into a copy of the user's own data, and who notices."""
