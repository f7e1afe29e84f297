"""What runs a model: in this process, behind an endpoint, or by copying the nearest training answer."""
