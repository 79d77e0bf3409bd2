"""Sensitive data: find it, mask it, say what was seen. No I/O, no clock; knows neither signatures nor profiles."""
