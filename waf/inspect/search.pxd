# Nothing is declared: it is compiled as it is.
