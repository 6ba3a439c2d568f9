"""`scorehoi bench`: timings on this machine."""

import argparse
import importlib.util
import sys

from scorehoi_ros.errors import InputError
from scorehoi_ros.files import write_json

EXAMPLE = "scorehoi bench --only refine-n2-exact,fit --repeat 10 --json bench.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to time, and how."""
    add = parser.add_argument
    add("--only", default="", metavar="NAME,...", help="cases by name, separated by commas (default: all)")
    add("--device", default="cpu", help="torch device of the methods: cpu, cuda, cuda:1 (default cpu)")
    add("--repeat", type=int, default=20, metavar="N", help="repetitions; percentiles are given (default 20)")
    add("--threads", type=int, default=1, metavar="N", help="threads of the methods on the CPU (default 1)")


def run(args: argparse.Namespace) -> int:
    """Print the table; 0.

    Raises InputError for an unknown case, MissingExtraError for a device that this machine lacks, and for
    chosen cases that need ROS 2 where it is missing.
    """
    from scorehoi_ros.bench.case import Setting
    from scorehoi_ros.bench.run import chosen_cases, run_cases, table

    if args.repeat < 1 or args.threads < 1:
        raise InputError(f"--repeat and --threads must be at least 1. Got {args.repeat} and {args.threads}.")
    ros = importlib.util.find_spec("rclpy") is not None
    names = chosen_cases(args.only, ros)
    setting = Setting(args.device, args.repeat, args.threads)
    report = run_cases(names, setting, lambda name: sys.stderr.write(f"{name} ...\n"))
    sys.stdout.write(table(report) + "\n")
    if args.json:
        write_json(args.json, report)
    return 0
