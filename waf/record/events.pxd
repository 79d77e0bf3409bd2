cimport cython

from waf.exchange cimport Exchange, Peer
from waf.messages cimport Request, Response


cdef class _Second:
    cdef public long long number
    cdef public object shown


cpdef bint remarkable(Exchange exchange) except -1

cdef bint _speaks(object verdict) except -1

@cython.locals(request=Request, response=Response, peer=Peer, findings=tuple, shown=list, entry=dict, path=bytes)
cpdef dict event(Exchange exchange, object mask, object service=*)

@cython.locals(data=bytes)
cpdef bytes line(dict entry)

@cython.locals(spans=dict, before=double, at=double)
cpdef dict timings(Exchange exchange)

cdef double _thousandths(double seconds) except -1.0

cdef object _action(object kind, object verdict, object reply)

@cython.locals(told=tuple, shown=dict)
cdef dict _finding(object finding, object mask, str version)

@cython.locals(shown=dict)
cdef dict _described(object finding, object mask)

cdef list _rules(Exchange exchange, list findings)

cdef list _kinds(list findings)

cdef list _strongest(tuple findings)

cpdef str masked(object mask, bytes data)

@cython.locals(number=cython.longlong, thousandths=cython.long)
cdef object _timestamp(double wall)
