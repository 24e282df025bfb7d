import { readMemory } from './process-memory.js'
import { formatIPv4, formatIPv6 } from './socket-address.js'

/** Of a poll set or a descriptor set, as many are shown. */
const setLimit = 64

/** struct pollfd: the descriptor and the events, two bytes asked for and two given back. */
const pollEntryBytes = 8

/** The descriptors of a `struct pollfd` array, such as `3 in, 5 out`. */
export async function readPollSet(
  pid: number,
  address: bigint,
  count: bigint,
): Promise<Readonly<Record<string, string | number>>> {
  const all = Number(BigInt.asUintN(32, count))
  if (all === 0) return { fds: '', count: 0 }
  const memory = await readMemory(pid, address, Math.min(all, setLimit) * pollEntryBytes)
  if (memory.kind === 'unreadable') return { count: all }
  const entries: string[] = []
  for (let at = 0; at + pollEntryBytes <= memory.value.length; at += pollEntryBytes) {
    const fd = memory.value.readInt32LE(at)
    // A negative descriptor is an entry that is not looked at.
    if (fd >= 0) entries.push(`${fd} ${pollEvents(memory.value.readInt16LE(at + 4))}`.trim())
  }
  return { fds: entries.join(', '), count: all }
}

function pollEvents(events: number): string {
  return [(events & 0x43) === 0 ? '' : 'in', (events & 0x104) === 0 ? '' : 'out'].filter(Boolean).join('+')
}

/** The descriptors of the three sets of select(), such as `3 in, 5 out`. */
export async function readSelectSet(
  pid: number,
  count: number,
  addresses: readonly bigint[],
): Promise<Readonly<Record<string, string | number>>> {
  const words = ['in', 'out', 'except']
  const bytes = Math.ceil(Math.max(0, Math.min(count, 1024)) / 64) * 8
  const entries: string[] = []
  for (const [index, address] of addresses.entries()) {
    if (address === 0n || bytes === 0) continue
    const memory = await readMemory(pid, address, bytes)
    if (memory.kind === 'unreadable') return { count }
    for (let fd = 0; fd < count && fd < memory.value.length * 8 && entries.length < setLimit; fd++) {
      if (((memory.value[fd >> 3] ?? 0) & (1 << (fd & 7))) !== 0) entries.push(`${fd} ${words[index] ?? ''}`)
    }
  }
  return { fds: entries.join(', '), count }
}

/** A struct timespec, or a struct timeval, as seconds. */
export async function describeTime(pid: number, address: bigint, unit?: 'microseconds'): Promise<string | undefined> {
  const memory = await readMemory(pid, address, 16)
  if (memory.kind === 'unreadable' || memory.value.length < 16) return undefined
  const part = Number(memory.value.readBigInt64LE(8)) / (unit === 'microseconds' ? 1e6 : 1e9)
  return `${Number((Number(memory.value.readBigInt64LE(0)) + part).toFixed(3))} s`
}

/** struct flock: type, whence, start and length; a length of 0 is up to the end. */
export async function readFileLock(pid: number, address: bigint): Promise<Readonly<Record<string, string | number>>> {
  const memory = await readMemory(pid, address, 24)
  if (memory.kind === 'unreadable' || memory.value.length < 24) return {}
  const type = ['F_RDLCK', 'F_WRLCK', 'F_UNLCK'][memory.value.readInt16LE(0)]
  if (type === undefined) return {}
  return { type, start: Number(memory.value.readBigInt64LE(8)), length: Number(memory.value.readBigInt64LE(16)) }
}

const longestAddress = 128

/** A struct sockaddr as people write it: 10.0.0.1:80, [fe80::1]:80 or a path. */
export async function readSocketAddress(
  pid: number,
  address: bigint,
  length: number,
): Promise<Readonly<Record<string, string>>> {
  if (length < 2 || length > longestAddress) return {}
  const memory = await readMemory(pid, address, length)
  if (memory.kind === 'unreadable' || memory.value.length < length) return {}
  const text = formatSocketAddress(memory.value)
  return text === undefined ? {} : { address: text }
}

function formatSocketAddress(bytes: Buffer): string | undefined {
  switch (bytes.readUInt16LE(0)) {
    case 1: {
      // The name of a socket without a file begins with a zero byte.
      const path = bytes.subarray(2)
      const end = path.indexOf(0, 1)
      return path.toString('utf8', 0, end === -1 ? path.length : end).replace('\0', '@')
    }
    case 2:
      return bytes.length < 8 ? undefined : `${formatIPv4(bytes.subarray(4, 8))}:${bytes.readUInt16BE(2)}`
    case 10:
      return bytes.length < 24 ? undefined : `[${formatIPv6(bytes.subarray(8, 24))}]:${bytes.readUInt16BE(2)}`
    default:
      return undefined
  }
}
