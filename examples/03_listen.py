"""A ROS node that listens to the reconstruction: who is there, and what their hands touch.

scorehoi node --object ball:0.22 --image-topic /camera/image_raw
python examples/03_listen.py [--count 10]
"""

import argparse

import numpy as np
import rclpy
from rclpy.node import Node
from scorehoi_ros.msg import Interaction


class Listener(Node):
    """Prints a line for each frame."""

    def __init__(self) -> None:
        super().__init__("interaction_listener")
        self.heard = 0
        self.create_subscription(Interaction, "/scorehoi/interaction", self.hear, 10)

    def hear(self, message: Interaction) -> None:
        """One frame; the lists hold the primary person and object first."""
        self.heard += 1
        people = [f"{human.id} ({np.shape(human.vertices)[0] // 3} vertices)" for human in message.humans]
        things = [f"{thing.id} ({thing.class_name})" for thing in message.objects]
        hands = [
            f"{contact.human_id} touches {contact.object_id} with the {part}"
            for contact in message.contacts
            for part in contact.body_parts
            if "hand" in part
        ]
        print(f"{message.header.stamp.sec}: {people + things} {hands} {message.message}", flush=True)


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--count", type=int, default=0, help="stop after this many frames (0 = never)")
args = parser.parse_args()

rclpy.init(args=[])
listener = Listener()
try:
    while not (args.count and listener.heard >= args.count):
        rclpy.spin_once(listener, timeout_sec=0.2)
except KeyboardInterrupt:
    pass
finally:
    rclpy.try_shutdown()
