cimport cython

from waf.exchange cimport Exchange, begun
from waf.http1.parse cimport request_head, response_head
from waf.http1.serialize cimport isolates
from waf.messages cimport Request, Response
from waf.permission cimport Admitted, BodyPlan, Refused, Withheld
from waf.proxy.commons cimport Commons
from waf.proxy.downstream cimport ClientStream, Conversation
from waf.proxy.steps cimport Way, close, deliver_whole, introduce, part
from waf.proxy.upstream cimport Link


@cython.locals(client=ClientStream, commons=Commons, link=Link, exchange=Exchange, data=bytes, head=bytes, body=bytes,
               end=long, size=long, started=double, now=double, deadline=double, request=Request, plan=BodyPlan, way=Way)
cpdef bint begin(Conversation talk) except -1

@cython.locals(client=ClientStream, commons=Commons, link=Link, exchange=Exchange, data=bytes, body=bytes, end=long,
               size=long, payload=object, began=double, keep=bint, request=Request, response=Response, way=Way)
cpdef bint answered(Conversation talk) except -1

@cython.locals(client=ClientStream, commons=Commons)
cdef _end(Conversation talk, Exchange exchange, bint keep)

cdef bint _gather(Conversation talk, Way way, Response response) except -1

@cython.locals(commons=Commons, now=double)
cdef bint _gather_chunks(Conversation talk, Way way, Response response) except -1

cdef bint _is_coded(Response response) except -1
