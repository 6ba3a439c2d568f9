"""What all methods share: object tensors, contact guess, depth order, pose prior."""
