"""Recordings: which files, what is whole of them, their messages."""
