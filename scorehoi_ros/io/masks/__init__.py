"""Masks as people have them: index and colour pictures, run lengths, polygons, folders."""
