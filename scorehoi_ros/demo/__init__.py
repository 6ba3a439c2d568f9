"""The demo: a rendered person who carries a box, with known truth, through bag, node and recorder."""
