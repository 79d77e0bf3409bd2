# Nothing to declare: compiled as it is.
