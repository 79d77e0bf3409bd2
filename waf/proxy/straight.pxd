cimport cython

from waf.exchange cimport Exchange
from waf.proxy.commons cimport Commons
from waf.proxy.downstream cimport ClientStream, Conversation
from waf.proxy.upstream cimport Link


@cython.locals(client=ClientStream, commons=Commons, link=Link, exchange=Exchange, data=bytes, head=bytes, body=bytes,
               end=long, size=long, started=double, now=double, deadline=double)
cpdef bint begin(Conversation talk) except -1

@cython.locals(client=ClientStream, commons=Commons, link=Link, exchange=Exchange, data=bytes, body=bytes, end=long,
               missing=long, began=double, keep=bint)
cpdef bint answered(Conversation talk) except -1

@cython.locals(client=ClientStream, commons=Commons)
cdef _end(Conversation talk, Exchange exchange, bint keep)

cdef bint _gather(Conversation talk, object way, object response) except -1
