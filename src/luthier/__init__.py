"""Luthier: the self-hosted release system for fine-tuned language models."""

__version__ = "0.1.0"
