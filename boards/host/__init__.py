"""The host's side of the link: one class, Board."""
