/*
 * One datagram to NOTIFY_SOCKET, for src/platform/notify-sender.ts: Node has no datagrams of the Unix kind. It comes from this process, so
 * that the receiver finds our pid in its credentials; a program started for it would be another one's. Nothing here waits.
 */
#include "notify-sender.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "value.h"

#define LONGEST_TEXT 4096

/* `name` is a path, or begins with @ for the abstract namespace. */
static int address_of(const char *name, size_t length, struct sockaddr_un *out, socklen_t *size) {
  if (length < 2 || (name[0] != '/' && name[0] != '@')) return -EAFNOSUPPORT;
  // A path has room for its NUL; an abstract name has none, and a NUL in place of the @.
  if (length >= sizeof out->sun_path || memchr(name, '\0', length) != NULL) return -EINVAL;
  *out = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(out->sun_path, name, length);
  bool abstract = name[0] == '@';
  if (abstract) out->sun_path[0] = '\0';
  *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (abstract ? 0 : 1));
  return 0;
}

static int send_text(const char *name, size_t length, const char *text, size_t text_length) {
  struct sockaddr_un address;
  socklen_t size;
  int result = address_of(name, length, &address, &size);
  if (result != 0) return result;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  ssize_t sent = sendto(fd, text, text_length, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address, size);
  result = sent < 0 ? -errno : 0;
  (void)close(fd);
  return result;
}

/* notifySend(socket, text): 0, or a negative errno value; -EAGAIN when the receiver has not read what came before. */
static napi_value notify_send(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2, name_length = 0, text_length = 0;
  char name[sizeof(struct sockaddr_un)], text[LONGEST_TEXT + 1];
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok) return NULL;
  if (napi_get_value_string_utf8(env, arguments[0], NULL, 0, &name_length) != napi_ok ||
      napi_get_value_string_utf8(env, arguments[1], NULL, 0, &text_length) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "cannot notify: expected the socket and the text to be strings");
    return NULL;
  }
  if (name_length >= sizeof name) return whole(env, -EINVAL);
  if (text_length > LONGEST_TEXT) return whole(env, -EMSGSIZE);
  if (napi_get_value_string_utf8(env, arguments[0], name, sizeof name, &name_length) != napi_ok ||
      napi_get_value_string_utf8(env, arguments[1], text, sizeof text, &text_length) != napi_ok)
    return NULL;
  return whole(env, send_text(name, name_length, text, text_length));
}

void export_notify_sender(napi_env env, napi_value exports) {
  napi_value function;
  if (napi_create_function(env, "notifySend", NAPI_AUTO_LENGTH, notify_send, NULL, &function) == napi_ok)
    set(env, exports, "notifySend", function);
}
