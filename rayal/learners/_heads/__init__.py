"""Linear heads on features: fitting, many at once, and what they say of images."""
