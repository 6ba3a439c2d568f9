"""Frames in (videos, image folders, bags), labels out (npz, MCAP, MP4)."""
