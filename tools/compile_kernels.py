"""Compile what the node needs, so that its first images find it compiled.

    python tools/compile_kernels.py

The first image of the demo's clip goes through the pipeline once.  In a new installation that takes half a
minute, in which a node would drop every other image; what is compiled is kept beside the modules.
"""

import argparse
from dataclasses import replace

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.demo.own import own_samples, told_by_user
from scorehoi_ros.frame.session import Session
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.types import Masks


def main() -> None:
    """One image."""
    form = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(description=__doc__, formatter_class=form).parse_args()
    (first,) = own_samples(1)
    session = Session(PipelineConfig(**told_by_user(first)), load_pipeline)
    try:
        result = session.step(replace(first.frame, masks=Masks()))
        assert result.human is not None and result.object is not None, result.message
    finally:
        session.close()


if __name__ == "__main__":
    main()
