"""The diffusion over a human with an object: what x is, the noise, and the deterministic walk between levels."""
