#!/bin/sh
# Runs the tests under each checker that works here. $1 is make, $2 the compiler, $3 the build folder.
make=$1 cc=$2 build=$3
failed=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
printf 'int main(void) { return 0; }\n' > "$folder/empty.c"

sanitized() {
  name=$1 flags=$2
  if ! "$cc" $flags -o "$folder/empty" "$folder/empty.c" -pthread 2> /dev/null || ! "$folder/empty" 2> /dev/null; then
    echo "skipped: $name: $cc cannot build a program with $flags that runs here"
    return
  fi
  echo "== $name"
  "$make" --no-print-directory check BUILD="$build/$name" CC="$cc" CFLAGS="$flags" > "$folder/out" 2>&1
  code=$?
  grep -v "^$cc " "$folder/out"
  [ "$code" = 0 ] || { echo "$name: FAILED"; failed=1; }
}

export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
sanitized address '-fsanitize=address,undefined -fno-sanitize-recover=all'
sanitized thread '-fsanitize=thread'
# Older valgrinds do not know pidfd_open, without which there is no process to watch.
under_valgrind() {
  if ! command -v valgrind > /dev/null; then
    echo 'skipped: valgrind: it is not installed'
    return
  fi
  tests=${TESTS:-parts countdown watchdog notify process page live} fuzz=3
  printf '#include <sys/syscall.h>\n#include <unistd.h>\nint main(void) { return syscall(434, getpid(), 0) < 0; }\n' > "$folder/pidfd.c"
  if "$cc" -D_GNU_SOURCE -o "$folder/pidfd" "$folder/pidfd.c" && ! valgrind -q "$folder/pidfd" 2> /dev/null; then
    tests=${TESTS_WITHOUT_PIDFD:-parts countdown watchdog} fuzz=0
    echo "skipped: valgrind: all but $tests: this valgrind does not know pidfd_open"
  fi
  echo '== valgrind'
  "$make" --no-print-directory check BUILD="$build" CC="$cc" TESTS="$tests" FUZZ_SECONDS=$fuzz \
    RUN='valgrind -q --error-exitcode=1 --leak-check=full --show-leak-kinds=all' || failed=1
}
under_valgrind
exit $failed
