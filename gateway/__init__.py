"""The edge: from a meter's register to a signed record in the journal."""

VERSION = "0.1.0"
