"""What all methods share: posed body and object as tensors, contact guess, depth order, pose prior."""
