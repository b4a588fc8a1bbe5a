"""From values to places on a drawing, and which values an axis names. No drawing, no text layout."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight map of `low..high` onto `start..end`; `end` may lie before `start`, as upwards in SVG."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value, to a tenth; values outside are held at the nearer end."""
        span = self.high - self.low
        share = (min(max(value, self.low), self.high) - self.low) / span if span > 0 else 0.0
        return round(self.start + share * (self.end - self.start), 1)


def ticks(low: float, high: float, most: int, *, whole: bool = False) -> tuple[float, ...]:
    """At most `most` round values within `low..high`, evenly spaced by 1, 2 or 5 times a power of ten.

    `whole`: only whole numbers, for steps. Empty where not even one round value lies inside.
    """
    if not high > low or most < 1:
        return (low,) if high == low and most >= 1 else ()
    power = math.floor(math.log10((high - low) / most))
    power = max(power, 0) if whole else power
    for exponent in range(power, power + 3):
        for factor in (1, 2, 5):
            gap = factor * 10.0**exponent
            first, last = math.ceil(low / gap - 1e-9), math.floor(high / gap + 1e-9)
            if last - first + 1 <= most:
                return tuple(round(count * gap, 9) for count in range(first, last + 1))
    return ()


def number(value: float) -> str:
    """A tick's value without needless digits: `40`, `0.5`."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if value != int(value) else str(int(value))
