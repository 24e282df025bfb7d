import { describeTime, readFileLock, readPollSet, readSelectSet, readSocketAddress } from './argument-memory.js'
import { flagNames, openFlags } from './argument-names.js'

/** What a system call was given, by the names of its manual page. Values the kernel would not understand are left out. */
export type CallArguments = Readonly<Record<string, string | number>>

type Decoder = (values: ArgumentValues) => CallArguments | Promise<CallArguments>

interface ArgumentValues {
  readonly pid: number
  readonly at: (index: number) => bigint
  /** As a C int, which is what descriptors and flags are. */
  readonly int: (index: number) => number
}

/**
 * Decodes the arguments of the calls that services are found hung in. Structures are read from the memory of the process; what cannot
 * be read is left out. Other calls give nothing.
 */
export async function decodeArguments(pid: number, name: string, values: readonly bigint[]): Promise<CallArguments> {
  const at = (index: number): bigint => values[index] ?? 0n
  const int = (index: number): number => Number(BigInt.asIntN(32, at(index)))
  const decoder = decoders.get(name)
  return decoder === undefined ? {} : await decoder({ pid, at, int })
}

const buffered: Decoder = ({ int, at }) => ({ fd: int(0), length: clip(at(2)) })
const positioned: Decoder = ({ int, at }) => ({ fd: int(0), length: clip(at(2)), offset: clip(at(3)) })
const vectored: Decoder = ({ int }) => ({ fd: int(0), buffers: int(2) })
const onDescriptor: Decoder = ({ int }) => ({ fd: int(0) })
const message: Decoder = ({ int }) => ({ fd: int(0), flags: flagNames('message', int(2)) })
const sized: Decoder = ({ int, at }) => ({ fd: int(0), length: clip(at(2)), flags: flagNames('message', int(3)) })
const queue: Decoder = ({ int, at }) => ({ queue: int(0), length: clip(at(2)) })

const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['read', buffered],
  ['write', buffered],
  ['pread64', positioned],
  ['pwrite64', positioned],
  ['readv', vectored],
  ['writev', vectored],
  ['preadv', vectored],
  ['pwritev', vectored],
  ['fsync', onDescriptor],
  ['fdatasync', onDescriptor],
  ['close', onDescriptor],
  ['accept', onDescriptor],
  ['accept4', onDescriptor],
  ['getdents64', onDescriptor],
  ['ioctl', ({ int, at }) => ({ fd: int(0), request: `0x${BigInt.asUintN(32, at(1)).toString(16)}` })],
  ['flock', ({ int }) => ({ fd: int(0), operation: flagNames('flock', int(1)) })],
  ['fcntl', decodeFcntl],
  ['futex', decodeFutex],
  ['connect', async ({ pid, int, at }) => ({ fd: int(0), ...(await readSocketAddress(pid, at(1), int(2))) })],
  ['recvfrom', sized],
  ['sendto', sized],
  ['recvmsg', ({ int }) => ({ fd: int(0), flags: flagNames('message', int(2)) })],
  ['sendmsg', message],
  ['open', ({ int }) => ({ flags: openFlags(int(1)) })],
  ['openat', ({ int }) => ({ flags: openFlags(int(2)) })],
  ['poll', async ({ pid, int, at }) => ({ ...(await readPollSet(pid, at(0), at(1))), ...timeoutMs(int(2)) })],
  ['ppoll', async ({ pid, at }) => ({ ...(await readPollSet(pid, at(0), at(1))), ...(await time(pid, at(2))) })],
  [
    'select',
    async ({ pid, int, at }) => ({
      ...(await readSelectSet(pid, int(0), [at(1), at(2), at(3)])),
      ...(await time(pid, at(4), 'microseconds')),
    }),
  ],
  [
    'pselect6',
    async ({ pid, int, at }) => ({
      ...(await readSelectSet(pid, int(0), [at(1), at(2), at(3)])),
      ...(await time(pid, at(4))),
    }),
  ],
  ['epoll_wait', ({ int }) => ({ fd: int(0), ...timeoutMs(int(3)) })],
  ['epoll_pwait', ({ int }) => ({ fd: int(0), ...timeoutMs(int(3)) })],
  ['epoll_pwait2', async ({ pid, int, at }) => ({ fd: int(0), ...(await time(pid, at(3))) })],
  ['wait4', ({ int }) => ({ pid: int(0), options: int(2) })],
  ['waitid', ({ int }) => ({ kind: ['all', 'pid', 'group', 'pidfd'][int(0)] ?? int(0), id: int(1) })],
  ['nanosleep', ({ pid, at }) => time(pid, at(0))],
  ['clock_nanosleep', decodeClockSleep],
  ['semop', ({ int }) => ({ set: int(0), operations: int(2) })],
  ['semtimedop', async ({ pid, int, at }) => ({ set: int(0), operations: int(2), ...(await time(pid, at(3))) })],
  ['msgrcv', queue],
  ['msgsnd', queue],
  ['io_uring_enter', ({ int }) => ({ fd: int(0), submitted: int(1), awaited: int(2) })],
])

async function decodeFcntl({ pid, int, at }: ArgumentValues): Promise<CallArguments> {
  const command = flagNames('fcntl', int(1))
  const lock = command.includes('SETLK') ? await readFileLock(pid, at(2)) : {}
  return { fd: int(0), command, ...lock }
}

/** Below these bits is the operation. */
const futexOptions = 0x180

async function decodeFutex({ pid, int, at }: ArgumentValues): Promise<CallArguments> {
  const operation = flagNames('futex', int(1) & ~futexOptions)
  // FUTEX_WAIT takes the time from now on, the others a moment.
  const timed = /^(WAIT|LOCK_PI|WAIT_BITSET|WAIT_REQUEUE_PI|LOCK_PI2)$/.test(operation)
  const { timeout } = timed ? await time(pid, at(3)) : {}
  const isMoment = operation !== 'WAIT' && timeout !== 'none'
  return {
    operation,
    address: `0x${at(0).toString(16)}`,
    value: int(2),
    ...(timeout === undefined ? {} : isMoment ? { until: timeout } : { timeout }),
  }
}

async function decodeClockSleep({ pid, int, at }: ArgumentValues): Promise<CallArguments> {
  const { timeout } = await time(pid, at(2))
  if (timeout === undefined) return {}
  // TIMER_ABSTIME: until a moment of that clock.
  return int(1) === 1 ? { clock: int(0), until: timeout } : { clock: int(0), timeout }
}

function timeoutMs(value: number): CallArguments {
  return { timeout: value < 0 ? 'none' : `${value} ms` }
}

async function time(pid: number, address: bigint, unit?: 'microseconds'): Promise<{ timeout?: string }> {
  if (address === 0n) return { timeout: 'none' }
  const text = await describeTime(pid, address, unit)
  return text === undefined ? {} : { timeout: text }
}

/** Lengths and offsets fit; what does not is no length. */
function clip(value: bigint): number {
  return Number(BigInt.asIntN(64, value))
}
