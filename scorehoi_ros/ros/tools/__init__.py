"""Playing and recording bags without rosbag2."""
