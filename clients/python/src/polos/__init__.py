"""Durable workflows whose state is a typed document."""
