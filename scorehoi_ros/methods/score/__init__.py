"""The method `score`: a diffusion prior and sampling guided by image and physics."""
