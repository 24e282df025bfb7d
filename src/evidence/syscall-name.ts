/** Numbers of the system calls a hung process is most often found in, by Node's name of the architecture. */
const numbers: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  x64: {
    read: 0,
    write: 1,
    open: 2,
    close: 3,
    stat: 4,
    fstat: 5,
    lstat: 6,
    poll: 7,
    mmap: 9,
    mprotect: 10,
    munmap: 11,
    ioctl: 16,
    pread64: 17,
    pwrite64: 18,
    readv: 19,
    writev: 20,
    select: 23,
    msync: 26,
    madvise: 28,
    pause: 34,
    nanosleep: 35,
    connect: 42,
    accept: 43,
    sendto: 44,
    recvfrom: 45,
    sendmsg: 46,
    recvmsg: 47,
    clone: 56,
    vfork: 58,
    wait4: 61,
    semop: 65,
    msgrcv: 70,
    fcntl: 72,
    flock: 73,
    fsync: 74,
    fdatasync: 75,
    rename: 82,
    mkdir: 83,
    unlink: 87,
    rt_sigtimedwait: 128,
    rt_sigsuspend: 130,
    statfs: 137,
    sync: 162,
    futex: 202,
    getdents64: 217,
    semtimedop: 220,
    restart_syscall: 219,
    clock_nanosleep: 230,
    exit_group: 231,
    epoll_wait: 232,
    waitid: 247,
    openat: 257,
    newfstatat: 262,
    pselect6: 270,
    ppoll: 271,
    splice: 275,
    epoll_pwait: 281,
    fallocate: 285,
    accept4: 288,
    recvmmsg: 299,
    io_uring_enter: 426,
    clone3: 435,
    epoll_pwait2: 441,
  },
  arm64: {
    epoll_pwait: 22,
    fcntl: 25,
    ioctl: 29,
    flock: 32,
    mkdirat: 34,
    unlinkat: 35,
    renameat: 38,
    statfs: 43,
    fallocate: 47,
    openat: 56,
    close: 57,
    getdents64: 61,
    read: 63,
    write: 64,
    readv: 65,
    writev: 66,
    pread64: 67,
    pwrite64: 68,
    pselect6: 72,
    ppoll: 73,
    splice: 76,
    newfstatat: 79,
    fstat: 80,
    sync: 81,
    fsync: 82,
    fdatasync: 83,
    exit_group: 94,
    waitid: 95,
    futex: 98,
    nanosleep: 101,
    clock_nanosleep: 115,
    restart_syscall: 128,
    rt_sigsuspend: 133,
    rt_sigtimedwait: 137,
    msgrcv: 188,
    semtimedop: 192,
    semop: 193,
    accept: 202,
    connect: 203,
    sendto: 206,
    recvfrom: 207,
    sendmsg: 211,
    recvmsg: 212,
    munmap: 215,
    clone: 220,
    mmap: 222,
    mprotect: 226,
    msync: 227,
    madvise: 233,
    accept4: 242,
    recvmmsg: 243,
    wait4: 260,
    io_uring_enter: 426,
    clone3: 435,
    epoll_pwait2: 441,
  },
}

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
      readonly pathAddress?: number
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
    ...(path === undefined ? {} : { pathAddress: Number(path) }),
  }
}

function findName(number: number, architecture: string): string {
  const known = Object.entries(numbers[architecture] ?? {}).find(([, value]) => value === number)
  return known?.[0] ?? `system call ${number}`
}
