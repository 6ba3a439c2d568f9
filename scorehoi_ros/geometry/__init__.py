"""Rotations, rigid transforms, cameras, meshes and signed distances."""
