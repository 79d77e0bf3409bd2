"""What is remembered of an exchange: events, metrics, recent events, captures. Decides nothing."""
