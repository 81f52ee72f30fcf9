"""What git remembers of models: which were accepted, and which were rolled back."""
