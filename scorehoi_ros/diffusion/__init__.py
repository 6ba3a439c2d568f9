"""The diffusion over a human with an object: what x is, noise levels, and the walk between them."""
