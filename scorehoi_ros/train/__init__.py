"""Training of the networks: loops, losses and samples; nobody imports this at run time."""
