cimport cython

from waf.value cimport Value


cdef class Headers(Value):
    cdef readonly tuple lines
    cdef readonly dict index


cdef class Request(Value):
    cdef readonly bytes method, target, path, query, host, upgrade
    cdef readonly Headers headers
    cdef readonly object framing
    cdef readonly long long length
    cdef readonly int minor
    cdef readonly bint keep_alive, expects_continue

    @cython.locals(made=Request)
    cpdef Request with_headers(self, Headers headers)


cdef class Response(Value):
    cdef readonly bytes reason
    cdef readonly Headers headers
    cdef readonly object framing
    cdef readonly long long length
    cdef readonly int status, minor
    cdef readonly bint keep_alive

    @cython.locals(made=Response)
    cpdef Response with_headers(self, Headers headers)
