/* Two threads take the same two mutexes. On order one of them takes them in the other order, and they wait for each other. */
#include "service.h"

#include <pthread.h>

static pthread_mutex_t accounts = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t ledger = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t wanted, both_hold;

static void transfer_there(const struct order *order) {
  int due = is_due(order);
  if (due) pthread_barrier_wait(&wanted);
  pthread_mutex_lock(&accounts);
  if (due) pthread_barrier_wait(&both_hold);
  pthread_mutex_lock(&ledger);
  pthread_mutex_unlock(&ledger);
  pthread_mutex_unlock(&accounts);
}

static void *transfer_back(void *nothing) {
  pthread_barrier_wait(&wanted);
  pthread_mutex_lock(&ledger);
  pthread_barrier_wait(&both_hold);
  pthread_mutex_lock(&accounts);
  pthread_mutex_unlock(&accounts);
  pthread_mutex_unlock(&ledger);
  return nothing;
}

int main(int count, char **words) {
  struct order order = read_order(count, words);
  pthread_t back;
  pthread_barrier_init(&wanted, NULL, 2);
  pthread_barrier_init(&both_hold, NULL, 2);
  if (pthread_create(&back, NULL, transfer_back, NULL) != 0) fail("cannot start a thread");
  serve(&order, transfer_there);
}
