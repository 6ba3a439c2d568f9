"""Every optional file and package: what it is, where it comes from, whether it is here."""
