"""Synthetic interactions of a person and an object: truth, observation and storage."""
