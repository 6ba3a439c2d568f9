"""Proposals of a network aligned with image and physics, in steps of the network's own uncertainty."""
