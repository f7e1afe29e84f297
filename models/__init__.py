"""The recipes of the models that Luthier ships."""
