"""Body parsers: bytes to fields and notes. Chosen by content type, confirmed by content (`choose.py`)."""
