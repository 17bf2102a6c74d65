"""Ray: encoder actors, Tune, resources, security. The only package that imports ray."""
