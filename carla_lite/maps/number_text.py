"""How numbers are written into OpenDRIVE documents."""


def num(value: float) -> str:
    """Write a number with nine decimals at most; equal numbers give equal text."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
