"""Trained networks at run time: weights by manifest, ONNX Runtime or torch."""
