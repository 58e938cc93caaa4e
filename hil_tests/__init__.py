"""Hardware in the loop: an emulated park, its ground truth, and tests from end to end."""
