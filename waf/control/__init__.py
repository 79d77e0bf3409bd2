"""Everything beside the data path that changes or shows it: files, watching, reload, control API, workers."""
