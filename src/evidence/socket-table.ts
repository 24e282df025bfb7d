import { open } from 'node:fs/promises'
import { type Reading, readWithin } from './proc-file.js'
import { parseKernelAddress } from './socket-address.js'

/** A TCP or UDP socket, from a line of /proc/PID/net/tcp and its like. */
export interface NetworkSocket {
  readonly kind: 'tcp' | 'udp'
  readonly inode: string
  /** As people write it, such as 10.0.0.5:40312. */
  readonly local: string
  /** Undefined when it is not connected. */
  readonly remote?: string
  /** Of TCP, such as ESTABLISHED or SYN_SENT. */
  readonly state: string
  /** Bytes that were sent and that the other side has not acknowledged. */
  readonly unacknowledged: number
  /** Bytes that came and that the program has not read; of a listener, connections that wait to be accepted. */
  readonly unread: number
  /** How often the same bytes were sent again without an answer. */
  readonly retransmits: number
  /** What the kernel waits for: `retransmit`, `keepalive`, `time-wait` or `window-probe`: the other side takes no more. */
  readonly timer?: string
  /** Questions to the other side that got no answer, by keepalive or window probe. */
  readonly unanswered: number
}

const tcpStates = [
  '',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
]

const timers = [undefined, 'retransmit', 'keepalive', 'time-wait', 'window-probe']

/** Reads one line; undefined for the heading and for what is not one. */
export function parseNetworkSocket(line: string, kind: 'tcp' | 'udp'): NetworkSocket | undefined {
  const fields = line.trim().split(/\s+/)
  const local = parseKernelAddress(fields[1] ?? '')
  const remote = parseKernelAddress(fields[2] ?? '')
  const [sent = '', received = ''] = (fields[4] ?? '').split(':')
  const inode = fields[9]
  if (local === undefined || remote === undefined || inode === undefined) return undefined
  const timer = timers[Number.parseInt((fields[5] ?? '').split(':')[0] ?? '', 16)]
  return {
    kind,
    inode,
    local: local.text,
    ...(remote.port === 0 ? {} : { remote: remote.text }),
    state: tcpStates[Number.parseInt(fields[3] ?? '', 16)] ?? 'unknown',
    unacknowledged: Number.parseInt(sent, 16),
    unread: Number.parseInt(received, 16),
    retransmits: Number.parseInt(fields[6] ?? '0', 16),
    ...(timer === undefined ? {} : { timer }),
    unanswered: Number(fields[8] ?? 0),
  }
}

/** The tables of a machine with a million connections take seconds to write out. */
const tableBytes = 8 * 1024 * 1024
const tableMs = 200

const tables = [
  { name: 'tcp', kind: 'tcp' },
  { name: 'tcp6', kind: 'tcp' },
  { name: 'udp', kind: 'udp' },
  { name: 'udp6', kind: 'udp' },
] as const

/**
 * The TCP and UDP sockets in the network namespace of a process that are wanted. Bounded in bytes and time: of a very long table the
 * end may not be seen.
 */
export async function readNetworkSockets(
  pid: number,
  isWanted: (socket: NetworkSocket) => boolean,
): Promise<readonly NetworkSocket[]> {
  const found: NetworkSocket[] = []
  for (const { name, kind } of tables) {
    await readLines(`/proc/${pid}/net/${name}`, (line) => {
      const socket = parseNetworkSocket(line, kind)
      if (socket !== undefined && isWanted(socket)) found.push(socket)
    })
  }
  return found
}

/** A Unix socket, from a line of /proc/PID/net/unix. */
export interface UnixSocket {
  readonly kind: 'unix'
  readonly inode: string
  /** Where it is bound; empty for most that connected. */
  readonly path: string
  readonly state: string
}

const unixStates = ['', 'UNCONNECTED', 'CONNECTING', 'CONNECTED', 'DISCONNECTING']

export async function readUnixSocket(pid: number, inode: string): Promise<UnixSocket | undefined> {
  let found: UnixSocket | undefined
  await readLines(`/proc/${pid}/net/unix`, (line) => {
    const fields = line.trim().split(/\s+/)
    if (fields[6] !== inode) return
    const state = unixStates[Number.parseInt(fields[5] ?? '', 16)] ?? 'unknown'
    found = { kind: 'unix', inode, path: fields[7] ?? '', state }
  })
  return found
}

/** Bit of the flags that a listening socket has. */
const listening = 0x10000

/** The socket that listens at a path, or at the name `@…` of a socket without a file. */
export async function readUnixListener(pid: number, path: string): Promise<UnixSocket | undefined> {
  let found: UnixSocket | undefined
  await readLines(`/proc/${pid}/net/unix`, (line) => {
    const fields = line.trim().split(/\s+/)
    const inode = fields[6]
    if (fields[7] !== path || inode === undefined || (Number.parseInt(fields[3] ?? '', 16) & listening) === 0) return
    found = { kind: 'unix', inode, path, state: 'LISTEN' }
  })
  return found
}

/** Gives each line to `take`, up to the bounds. */
function readLines(path: string, take: (line: string) => void): Promise<Reading<void>> {
  return readWithin(async () => {
    const end = performance.now() + tableMs
    const file = await open(path, 'r')
    try {
      const chunk = Buffer.alloc(128 * 1024)
      let rest = ''
      for (let bytes = 0; bytes < tableBytes && performance.now() < end; ) {
        const { bytesRead } = await file.read(chunk, 0, chunk.length)
        if (bytesRead === 0) break
        bytes += bytesRead
        const lines = (rest + chunk.toString('latin1', 0, bytesRead)).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) take(line)
      }
      if (rest !== '') take(rest)
    } finally {
      await file.close()
    }
  })
}
