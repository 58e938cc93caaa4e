"""The platform's end: verify, accept exactly once, give a receipt, show people."""
