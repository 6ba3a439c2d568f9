"""Adapters of licensed data sets in their published file layouts; nothing of them is shipped."""
