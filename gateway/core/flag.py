"""Flag: one letter that says how an energy figure came about."""

# No letter at all is a measured figure.
ESTIMATED_SHAPE = "E"  # the energy of the gap is actual, its share in this interval is estimated: an equal one
LIKE_DAY_SHAPE = "Y"  # the same, its share being that of like days at the same hour
INTERPOLATED = "I"  # the register at a boundary lies on the straight line between the polls before and after it
MISSING = "M"  # the meter gave no boundary reading; the figure is 0 until it is amended
ROLLED_OVER = "R"  # the register passed its width inside the interval
DECREASED = "D"  # the register decreased without reaching its width; the figure is 0
FROZEN = "F"  # of a span: both registers are those that the meter itself kept at the boundaries
DECLARED = "X"  # the energy rests on what a person declared: another meter, another ratio, a rise that is right
QUARANTINED = "Q"  # the register rose beyond what its connection can carry; 0 until a person declares it right
MOVED = "T"  # the clock moved between the boundaries: the energy is actual, when it flowed is not known
LATE_BOUNDARY = "L"  # the boundary reading came later than the tolerance


def join_flags(*flags: str) -> str:
    """Return every letter of *flags* once, in alphabetical order."""
    return "".join(sorted(set("".join(flags))))
