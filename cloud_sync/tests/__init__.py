"""Tests of the road and of the platform's end."""
