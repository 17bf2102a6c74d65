"""`rayal label`: a page in the browser on which images are labeled, one by one."""
