"""Tuning: conversations and a frozen base model in, an adapter with its whole history out."""
