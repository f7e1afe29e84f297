"""The one reader of `luthier.yaml` and of the environment."""
