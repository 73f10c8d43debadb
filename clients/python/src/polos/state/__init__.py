"""The state document: what JSON can hold, how two documents differ, and how changes are applied."""
