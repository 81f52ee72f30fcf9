"""nightly.yml, executed: what a night leaves on GitHub and in DVC's remote."""
