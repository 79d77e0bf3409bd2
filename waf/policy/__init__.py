"""Composes the engines into permission: what may go to the app, what may go to the client.

Owns scoring, routes, tuning, access lists and rate limits. Knows no sockets and no clock: time is passed in.
"""
