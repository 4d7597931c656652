"""Made movie worlds in the layouts that MovieLens and IMDb publish: same arguments, same bytes."""
