cimport cython

from waf.exchange cimport Exchange
from waf.http1.serialize cimport Hop, announces, isolates, response_head, to_app
from waf.messages cimport Request, Response
from waf.permission cimport Admitted, BodyPlan, Refused, Released
from waf.proxy.commons cimport Commons
from waf.proxy.downstream cimport Conversation
from waf.proxy.upstream cimport Link


cdef class Way:
    cdef public Exchange exchange
    cdef public Hop hop
    cdef public Admitted permission
    cdef public BodyPlan plan
    cdef public object policy
    cdef public double gathers


@cython.locals(commons=Commons, now=double, request_id=bytes, traceparent=bytes, way=Way)
cpdef Way introduce(Conversation talk, Exchange exchange, Request request, double began)

@cython.locals(request=Request, response=Response)
cpdef bint deliver_whole(
    Conversation talk, Exchange exchange, Released released, bytes data, bint keep, bint at_once=*
) except -1

@cython.locals(request=Request)
cpdef part(Conversation talk, Exchange exchange, Link link, Response response, object upload=*)

cdef bint _ended_exactly(Request request, Response response, Link link, object upload) except -1

cpdef close(Conversation talk, Exchange exchange)
