"""What Footfall is held against, each as good as few lines can be; see docs/performance.md."""
