"""Running workflows in tests, without a server."""
