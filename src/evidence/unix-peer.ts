import { runCommand } from '../platform/command.js'
import { readTarget } from './proc-file.js'

/** Longest `ss` may take. Machines with tens of thousands of sockets take longer; their peers are then not known. */
const limitMs = 500

/**
 * Finds the other end of a connected Unix socket. /proc does not tell; `ss` of iproute2 asks the kernel. It sees only its own network
 * namespace, so nothing is asked for a process in another.
 */
export async function readUnixPeer(
  pid: number,
  inode: string,
): Promise<{ readonly inode: string; readonly path: string } | undefined> {
  const [own, other] = await Promise.all([readTarget('/proc/self/ns/net'), readTarget(`/proc/${pid}/ns/net`)])
  if (own.kind !== 'read' || other.kind !== 'read' || own.value !== other.value) return undefined
  const result = await runCommand({
    command: 'ss',
    args: ['-H', '-x', '-a'],
    timeoutMs: limitMs,
    maxOutputBytes: 8 * 1024 * 1024,
  })
  return result.kind === 'done' ? parseUnixPeer(result.stdout, inode) : undefined
}

/** Lines such as `u_str ESTAB 0 0 * 4711 * 4712`: after state and queues both ends, each with a path or a star. */
export function parseUnixPeer(
  text: string,
  inode: string,
): { readonly inode: string; readonly path: string } | undefined {
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/)
    // A path may hold spaces, so the two numbers are found from the end.
    const peer = fields.at(-1)
    if (fields.at(-3) !== inode || peer === undefined || peer === '0') continue
    const path = fields.at(-2) ?? '*'
    return { inode: peer, path: path === '*' ? '' : path }
  }
  return undefined
}
