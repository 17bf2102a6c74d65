"""Images in batches on a device: augmentation and networks that encoders and learners share."""
