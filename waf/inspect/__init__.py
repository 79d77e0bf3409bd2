"""Model to findings: fields, decoding, signatures. Pure: no I/O, no clock, no logging."""
