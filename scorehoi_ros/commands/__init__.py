"""Sub-commands of `scorehoi`, one module each; `scorehoi_ros.cli` lists them."""
