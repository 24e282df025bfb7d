/** Values of linux/futex.h, linux/socket.h, asm-generic/fcntl.h and sys/file.h, which are the same on x86-64 and arm64. */
const whole: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  futex: {
    0: 'WAIT',
    1: 'WAKE',
    3: 'REQUEUE',
    4: 'CMP_REQUEUE',
    5: 'WAKE_OP',
    6: 'LOCK_PI',
    7: 'UNLOCK_PI',
    8: 'TRYLOCK_PI',
    9: 'WAIT_BITSET',
    10: 'WAKE_BITSET',
    11: 'WAIT_REQUEUE_PI',
    12: 'CMP_REQUEUE_PI',
    13: 'LOCK_PI2',
  },
  fcntl: { 5: 'F_GETLK', 6: 'F_SETLK', 7: 'F_SETLKW', 37: 'F_OFD_SETLK', 38: 'F_OFD_SETLKW', 1024: 'F_SETLEASE' },
}

const bits: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  flock: [
    [1, 'LOCK_SH'],
    [2, 'LOCK_EX'],
    [4, 'LOCK_NB'],
    [8, 'LOCK_UN'],
  ],
  message: [
    [0x1, 'MSG_OOB'],
    [0x2, 'MSG_PEEK'],
    [0x40, 'MSG_DONTWAIT'],
    [0x100, 'MSG_WAITALL'],
    [0x4000, 'MSG_NOSIGNAL'],
    [0x10000, 'MSG_WAITFORONE'],
    [0x40000000, 'MSG_CMSG_CLOEXEC'],
  ],
}

const openBits: readonly (readonly [number, string])[] = [
  [0o100, 'O_CREAT'],
  [0o200, 'O_EXCL'],
  [0o1000, 'O_TRUNC'],
  [0o2000, 'O_APPEND'],
  [0o4000, 'O_NONBLOCK'],
  [0o2000000, 'O_CLOEXEC'],
]

/** The name of a value, or the names of its bits joined by `|`; a number where there is no name. */
export function flagNames(kind: 'futex' | 'fcntl' | 'flock' | 'message', value: number): string {
  const name = whole[kind]?.[value]
  return name ?? joinBits(bits[kind] ?? [], value)
}

/** The flags of open(), those that say how it is opened first. */
export function openFlags(value: number): string {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR'][value & 3] ?? 'O_ACCMODE'
  const rest = joinBits(openBits, value & ~3)
  return rest === '0' ? access : `${access}|${rest}`
}

function joinBits(known: readonly (readonly [number, string])[], value: number): string {
  const names = known.flatMap(([bit, name]) => ((value & bit) === bit ? [name] : []))
  const left = known.reduce((rest, [bit]) => rest & ~bit, value)
  if (left !== 0) names.push(`0x${(left >>> 0).toString(16)}`)
  return names.length === 0 ? '0' : names.join('|')
}
