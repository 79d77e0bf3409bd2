"""The learned positive model: what this workload's own traffic has shown to be normal. No I/O, no clock.

observe    what is learned from: one finished exchange as a value
model      what is remembered: a path tree of endpoints and parameters, every part a commutative monoid
closing    which sets are complete, by the mass that has not been seen yet
check      the compiled profile that requests are held against
learner    the mutable whole of these, which the shell feeds and asks
"""
