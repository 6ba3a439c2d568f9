"""A truth as a photograph: skin, clothes, light, rooms, clutter."""
