"""The tests; a package, so that they import each other by one name everywhere."""
