/* A service for tests of plans: a real process that beats by notify datagrams when told to, and a guard with its own thread that watches it. */
#ifndef HANGDOG_TEST_SERVICE_H
#define HANGDOG_TEST_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "../guard-plan.h"
#include "check.h"

struct service {
  pid_t pid;
  int orders;
  guard_id process;
  guard_id countdown;
};

/* Generous, as the machine may be busy; nothing waits that long when all is well. */
#define PATIENCE 30000

/* What the service does with SIGTERM. */
enum service_kind { OBEYS, IGNORES_TERM, HAS_CHILD_IN_OTHER_SESSION };

extern struct guard *stage;
/* A folder of this case, removed at the end. */
extern char stage_folder[64];

/* Opens the guard and its notify socket. */
void stage_open(void);
/* Also opens the file for records. */
void stage_open_recorded(void);
void stage_close(void);
/* A path in the folder of this case; valid until this is called four more times. */
const char *stage_path(const char *name);
/* Makes a file in it. */
void stage_put(const char *name, const char *text);
/* Reads one, with a NUL; empty when there is none. */
const char *stage_get(const char *name);

struct service service_start(enum service_kind kind);
/* Has it say something, and waits until it is said. */
void service_say(const struct service *service, const char *text);
/* One beat that the guard takes in, with this limit from now on. */
void service_begin(const struct service *service, int64_t limit);
/* Whether it has ended by itself or by a signal; reaps it then. Returns that signal, 0 for an exit, -1 while it runs. */
int service_end(const struct service *service);
/* Waits for that. */
int service_wait(const struct service *service);
/* Ends it by force, if it still runs. */
void service_kill(const struct service *service);

/* A plan that terminates at once: no budget, no grace. */
struct guard_plan plan_for(const struct service *service, uint32_t action);
/* Takes records until one of this kind about this service comes. */
struct guard_record await(const struct service *service, uint32_t kind);
/* The text of the record that this one names. */
const char *record_text(const struct guard_record *record);
void rest_ms(int64_t span);

#endif
