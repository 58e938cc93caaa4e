"""Tests of the shipped meter models against what real meters said."""
