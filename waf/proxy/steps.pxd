cimport cython

from waf.exchange cimport Exchange
from waf.proxy.commons cimport Commons
from waf.proxy.downstream cimport Conversation
from waf.proxy.upstream cimport Link


@cython.locals(commons=Commons, now=double)
cpdef introduce(Conversation talk, Exchange exchange, object request, double began)

cpdef bint deliver_whole(Conversation talk, Exchange exchange, object released, bytes data, bint keep) except -1

cpdef part(Conversation talk, Exchange exchange, Link link, object response, object upload=*)

cpdef close(Conversation talk, Exchange exchange)
