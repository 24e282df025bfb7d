{
  'targets': [
    {
      'target_name': 'hangdog',
      'sources': ['<!@(ls *.c ../guard/*.c)'],
      'defines': ['NAPI_VERSION=8', '_GNU_SOURCE'],
      'cflags_c': ['-std=c11', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden'],
      'cflags!': ['-Wno-unused-parameter'],
    },
  ],
}
