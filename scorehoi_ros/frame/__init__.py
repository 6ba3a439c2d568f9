"""One frame: evidence, the seams of the methods, the step, what is published, the track and its session."""
