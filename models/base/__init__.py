"""The bundled base model, rebuilt by `build.py`."""
