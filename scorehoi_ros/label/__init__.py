"""Offline labelling: every frame of a source through the pipeline, and its outputs."""
