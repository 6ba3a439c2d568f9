"""From pixels to landmarks and masks: the human, the object, and masks made elsewhere."""
