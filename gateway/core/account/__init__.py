"""From readings to figures: intervals, traces, tallies."""
