/* On order it is stopped, as by an operator, and stays so until somebody sends SIGCONT. */
#include "service.h"

#include <signal.h>

static void stop_when_due(const struct order *order) {
  if (is_due(order)) raise(SIGSTOP);
}

int main(int count, char **words) {
  struct order order = read_order(count, words);
  serve(&order, stop_when_due);
}
