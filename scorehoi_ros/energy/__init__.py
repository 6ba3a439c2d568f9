"""Energy terms as pure differentiable functions: what the image says, what physics says."""
