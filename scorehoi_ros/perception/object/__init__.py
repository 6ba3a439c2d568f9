"""The object in the image: prompts, colours, the built-in segmenter."""
