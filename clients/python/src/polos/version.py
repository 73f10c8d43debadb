"""How this SDK names itself to the server."""

SDK_NAME = "polos-python"

SDK_VERSION = "0.1.0"
"""The version in pyproject.toml; a test holds the two together."""
