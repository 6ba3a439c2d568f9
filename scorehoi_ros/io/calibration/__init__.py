"""Calibration files of many tools, in one vocabulary."""
