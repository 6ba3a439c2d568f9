"""Reconstruction by optimisation: the baseline on the same physical energy that ScoreHOI has to beat."""
