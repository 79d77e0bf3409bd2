cimport cython

from waf.messages cimport Response


cdef class AnswerScreen:
    cdef object _programs

    @cython.locals(index=dict)
    cpdef bint clears(self, Response response, bytes body) except -1
