"""Timings that a user can repeat: parts, refinements, messages, and the live node from end to end."""
