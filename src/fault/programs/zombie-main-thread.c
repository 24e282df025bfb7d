/* The main thread does the work, and on order ends alone: the process lives on in its other thread, and for ps it is a zombie. */
#include "service.h"

#include <pthread.h>

static void end_when_due(const struct order *order) {
  if (is_due(order)) pthread_exit(NULL);
}

static void *keep_accounts(void *nothing) {
  for (;;) sleep(1);
  return nothing;
}

int main(int count, char **words) {
  struct order order = read_order(count, words);
  pthread_t keeper;
  if (pthread_create(&keeper, NULL, keep_accounts, NULL) != 0) fail("cannot start a thread");
  serve(&order, end_when_due);
}
