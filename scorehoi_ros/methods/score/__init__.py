"""The method `score`: guided sampling with a diffusion prior (ScoreHOI, Algorithm 1)."""
