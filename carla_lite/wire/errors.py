"""How a call fails."""


class CallError(Exception):
    """A call cannot be served; the message is for the caller and becomes the text of its RuntimeError."""
