"""Which of all rotations are worth a whole alignment: the object alone is brought to its mask first.

A right rotation that is a little off, or in a wrong place, covers its mask no better than a wrong one does.
A few steps without the person cost a tenth of a whole alignment and tell them apart.
"""

from collections.abc import Callable
from dataclasses import replace

from scorehoi_ros.alignment.align import Aligned, Schedule, align
from scorehoi_ros.alignment.rig import Rig
from scorehoi_ros.alignment.state import Belief
from scorehoi_ros.alignment.target import Shape, Target
from scorehoi_ros.methods.regress.choice import worth_aligning
from scorehoi_ros.methods.regress.start import Start, Thing

Search = Callable[[Target, Shape, Belief], Aligned]
"""Brings each rotation of a belief near to where one frame wants it."""


def search_of(rig: Rig, steps: int) -> Search:
    """The search of so many steps; 0 = rotations are judged where the network puts the object."""
    schedule = Schedule(steps)

    def search(target: Target, shape: Shape, belief: Belief) -> Aligned:
        return align(rig, replace(target, person=False), shape, belief, schedule=schedule)

    return search


def narrowed(begun: Start, search: Search, target: Target, thing: Thing, count: int) -> Start:
    """With the `count` most promising of its rotations, best first, and none of them moved yet."""
    belief, log_share = begun.belief, begun.log_share
    near = search(target, thing.shape, belief).state
    rows = worth_aligning(log_share, thing.seen(near.R_o.numpy(), near.origin.numpy()), count)
    return replace(begun, belief=replace(belief, rotations=belief.rotations[rows]), log_share=log_share[rows])
