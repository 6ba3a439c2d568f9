"""The parametric body: SMPL-H's 52 joints and 10 shape parameters, from a free mesh or a licensed file."""
