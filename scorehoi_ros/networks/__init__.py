"""Networks as torch modules: no files, no images, no templates; tensors in, tensors out."""
