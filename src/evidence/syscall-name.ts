import { systemCallNumbers } from './syscall-number.js'

/** Calls whose first argument is a descriptor. */
const onDescriptor = new Set([
  'read',
  'write',
  'close',
  'fstat',
  'pread64',
  'pwrite64',
  'readv',
  'writev',
  'ioctl',
  'fcntl',
  'flock',
  'fsync',
  'fdatasync',
  'connect',
  'accept',
  'accept4',
  'sendto',
  'recvfrom',
  'sendmsg',
  'recvmsg',
  'recvmmsg',
  'getdents64',
  'epoll_wait',
  'epoll_pwait',
  'epoll_pwait2',
  'io_uring_enter',
  'splice',
  'fallocate',
  'lseek',
  'preadv',
  'pwritev',
  'sendmmsg',
  'ftruncate',
  'sync_file_range',
  'mq_timedsend',
  'mq_timedreceive',
])

/** Calls that take a path, with the place of that argument. */
const onPath: Readonly<Record<string, number>> = {
  open: 0,
  stat: 0,
  lstat: 0,
  openat: 1,
  newfstatat: 1,
  statfs: 0,
  unlink: 0,
  mkdir: 0,
  unlinkat: 1,
  mkdirat: 1,
  openat2: 1,
  statx: 1,
  readlinkat: 1,
  access: 0,
  creat: 0,
  truncate: 0,
  rmdir: 0,
  readlink: 0,
}

/** A line of /proc/PID/task/TID/syscall, decoded. */
export type SyscallReading =
  | { readonly kind: 'running' }
  /** In the kernel, but not by a system call: a page fault, or a stop. */
  | { readonly kind: 'no-call' }
  | {
      readonly kind: 'call'
      readonly name: string
      readonly arguments: readonly bigint[]
      /** The descriptor it works on, if it does. */
      readonly fd?: number
      /** Where in the process's memory the path is that it works on, if it does. */
      readonly pathAddress?: bigint
    }

/** Decodes a line such as `0 0x3 0x7f.. 0x20000 0x0 0x0 0x0 SP PC`. A call without a name here has its number as name. */
export function parseSyscall(line: string, architecture: string): SyscallReading | undefined {
  const words = line.trim().split(' ')
  if (words[0] === 'running') return { kind: 'running' }
  if (words[0] === '-1') return { kind: 'no-call' }
  const number = Number(words[0])
  if (words[0] === '' || !Number.isInteger(number) || words.length < 7) return undefined
  const values = words.slice(1, 7).map((word) => BigInt(word))
  const name = findName(number, architecture)
  const path = values[onPath[name] ?? -1]
  return {
    kind: 'call',
    name,
    arguments: values,
    ...(onDescriptor.has(name) && values[0] !== undefined ? { fd: Number(BigInt.asIntN(32, values[0])) } : {}),
    ...(path === undefined ? {} : { pathAddress: path }),
  }
}

function findName(number: number, architecture: string): string {
  const known = Object.entries(systemCallNumbers[architecture] ?? {}).find(([, value]) => value === number)
  return known?.[0] ?? `system call ${number}`
}
