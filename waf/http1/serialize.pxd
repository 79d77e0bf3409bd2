from waf.exchange cimport Peer
from waf.messages cimport Headers, Request, Response
from waf.value cimport Value

cimport cython


cdef class Hop(Value):
    cdef readonly Peer peer
    cdef readonly bint trusted
    cdef readonly bytes via, request_id, traceparent, fallback_host


@cython.locals(made=Hop)
cpdef Hop to_app(Peer peer, bint trusted, bytes request_id, bytes traceparent)

cpdef bint isolates(Request request) except -1

cpdef bint announces(Response response) except -1

cdef bint _is_empty(Request request) except -1

cpdef bytes request_head(Request request, Hop hop, object length)

@cython.locals(headers=Headers, index=dict, framed=bint, peer=Peer)
cdef bytes _plain_request(Request request, Hop hop, object length)

cpdef bytes response_head(
    Response response, object length, bint close, int minor, tuple extra=*, bytes request_id=*
)
