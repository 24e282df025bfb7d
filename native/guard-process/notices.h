/* How what the guard says gets to its owner. */
#ifndef HANGDOG_NOTICES_H
#define HANGDOG_NOTICES_H

#include "server.h"

/* Takes all that the guard has to say, and sends as much as the owner takes. */
void notices_pump(struct server *server);
/* The owner is gone; what was meant for it is void. What has become of its processes is in the holdings. */
void notices_forget(struct server *server);

#endif
