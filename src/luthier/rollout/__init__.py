"""A release on its way through traffic stages, or back."""
