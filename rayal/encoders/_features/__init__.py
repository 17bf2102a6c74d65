"""Features of a finished network: extraction, preparation of images, augmented copies."""
