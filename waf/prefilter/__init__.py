"""What a text must hold before any of many expressions can match in it, and a test in C that it does not."""
