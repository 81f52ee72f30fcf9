"""What a training leaves behind: the model file and its card."""
