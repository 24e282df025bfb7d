{
  'targets': [
    {
      'target_name': 'hangdog',
      'sources': [
        'hangdog-addon.c',
        'guard-object.c',
        'report.c',
        'value.c',
        '../guard/awake-clock.c',
        '../guard/countdown-table.c',
        '../guard/guard-calls.c',
        '../guard/guard-life.c',
        '../guard/guard-thread.c',
        '../guard/heap.c',
        '../guard/notify-socket.c',
        '../guard/process-table.c',
        '../guard/ring.c',
      ],
      'defines': ['NAPI_VERSION=8', '_GNU_SOURCE'],
      'cflags_c': ['-std=c11', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden'],
      'cflags!': ['-Wno-unused-parameter'],
    },
  ],
}
