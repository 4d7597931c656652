"""The landing zone: find drops, verify them, cut a data set into weeks of them."""

__all__ = ["cli", "lines", "members", "names", "replay", "rows", "writing", "zone"]
