"""Object templates: parametric families, mesh files and bare points, all turned into one `ObjectTemplate`."""
