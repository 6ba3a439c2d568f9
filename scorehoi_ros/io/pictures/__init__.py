"""Encoded images: photos, messages, their bits and headers."""
