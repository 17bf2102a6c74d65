"""Networks of timm, for the encoders that name one."""
