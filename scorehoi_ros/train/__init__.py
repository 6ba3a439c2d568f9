"""Training: data in memory, losses, loops; imported by nobody but the command line."""
