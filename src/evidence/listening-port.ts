import { readdir, readlink } from 'node:fs/promises'
import { type Reading, readText, readWithin } from './proc-file.js'

/** A TCP port that a process listens on. */
export interface ListeningPort {
  readonly host: string
  readonly port: number
  /** Number of the socket; never reused while it is open. */
  readonly inode: string
}

/** Descriptors of a process that are searched for its sockets. */
const searchLimit = 8192

/** All TCP listeners in the network namespace of a process, whoever owns them. */
export async function readListeners(pid: number): Promise<readonly ListeningPort[]> {
  const tables = await Promise.all([readText(`/proc/${pid}/net/tcp`), readText(`/proc/${pid}/net/tcp6`)])
  return tables.flatMap((table) => (table.kind === 'read' ? parseListeners(table.value) : []))
}

/** Of these listeners, those the process itself holds open. */
export async function selectOwn(
  pid: number,
  listeners: readonly ListeningPort[],
): Promise<Reading<readonly ListeningPort[]>> {
  if (listeners.length === 0) return { kind: 'read', value: [] }
  const inodes = await readWithin(() => readSocketInodes(pid))
  if (inodes.kind === 'unreadable') return inodes
  return { kind: 'read', value: listeners.filter((listener) => inodes.value.has(listener.inode)) }
}

const listeningState = '0A'

export function parseListeners(table: string): readonly ListeningPort[] {
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const [address = '', portText = ''] = (fields[1] ?? '').split(':')
    const inode = fields[9]
    if (fields[3] !== listeningState || inode === undefined) return []
    return [{ host: readHost(address), port: Number.parseInt(portText, 16), inode }]
  })
}

/** Only the addresses an inspector is found at: loopback, or any. The kernel writes each word in the machine's byte order. */
function readHost(hex: string): string {
  if (hex.length === 8) {
    const bytes = [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16))
    const host = bytes.join('.')
    return host === '0.0.0.0' ? '127.0.0.1' : host
  }
  return '::1'
}

export async function readSocketInodes(pid: number): Promise<ReadonlySet<string>> {
  const folder = `/proc/${pid}/fd`
  const inodes = new Set<string>()
  for (const fd of (await readdir(folder)).slice(0, searchLimit)) {
    // A descriptor may be closed between the listing and this.
    const target = await readlink(`${folder}/${fd}`).catch(() => '')
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
    if (inode !== undefined) inodes.add(inode)
  }
  return inodes
}
