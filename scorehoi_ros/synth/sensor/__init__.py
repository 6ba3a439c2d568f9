"""What a detector and a segmenter make of the picture, with measured errors."""
