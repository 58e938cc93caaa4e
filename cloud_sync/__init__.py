"""The road to the platform, both ends: sealed batches up, signed receipts down."""
