"""Checks of what goes in and what comes out. On the request path patterns only; each says what it did."""
