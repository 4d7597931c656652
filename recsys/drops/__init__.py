"""The landing zone: find drops, verify them, cut a data set into weeks of them."""
