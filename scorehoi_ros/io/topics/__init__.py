"""What messages say, from a bag or a live topic: pixels, cameras, pairs, transforms."""
