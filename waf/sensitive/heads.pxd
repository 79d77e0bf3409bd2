cimport cython

from waf.messages cimport Headers, Request


@cython.locals(headers=Headers, index=dict, ranged=bint)
cpdef Request prepared(Request request)

cdef Request _with_value(Request request, bytes name, bytes value)
