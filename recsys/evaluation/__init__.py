"""What an exam is: the split, the metrics, the paired comparison of two models."""
