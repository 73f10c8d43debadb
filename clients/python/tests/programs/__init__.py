"""Programs that tests start, to kill them."""
