"""What `make bench` measures, a file for each part of the product."""
