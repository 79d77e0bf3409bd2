cimport cython

from waf.messages cimport Request, Response
from waf.value cimport Value


cdef class BodyPlan(Value):
    cdef readonly long long buffer
    cdef readonly str over
    cdef readonly bint stream


cdef class Admitted(Value):
    cdef readonly Request request
    cdef readonly bytes body
    cdef readonly object stream


cdef class Refused(Value):
    cdef readonly object verdict


cdef class Released(Value):
    cdef readonly Response response
    cdef readonly object body
    cdef readonly bint changes_length, hold_head
    cdef readonly bytes whole


cdef class Withheld(Value):
    cdef readonly object verdict


@cython.locals(made=Admitted)
cpdef Admitted admitted(Request request, bytes body)

@cython.locals(made=Released)
cpdef Released released(Response response, bytes whole)
