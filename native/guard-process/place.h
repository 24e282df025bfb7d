/* Where a guard process lives: its socket, and the process itself. */
#ifndef HANGDOG_PLACE_H
#define HANGDOG_PLACE_H

/*
 * Listens at `path`, for the owner of the state directory alone (mode 0600). There is one guard a path: -EADDRINUSE while another lives,
 * which is known by a lock on `path`.lock that the kernel lets go with its holder; a socket that a dead one left is replaced.
 */
int place_listen(const char *path);
/* Lets another listen there. */
void place_leave(void);

/*
 * Goes on in a process of its own session, with nothing of its parent's but `kept`. Returns in that process the descriptor by which
 * `place_ready` tells the parent; the parent waits for that, and ends with its value.
 */
int place_detach(int kept);
void place_ready(int told, int exit_code);

/* Each watched process takes a descriptor: as many as the system lets us have. */
void place_widen(void);
/* Asks to be the last that is killed for want of memory. Returns 0 or a negative errno value. */
int place_spare(void);

#endif
