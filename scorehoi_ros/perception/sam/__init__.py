"""Segment Anything in the place of the built-in segmenter, or before it."""
