"""The methods of reconstruction, one folder each, found by name through `registry`."""
