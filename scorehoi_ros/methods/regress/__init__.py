"""The method `regress`: a network proposes, alignment with image and physics decides."""
