/** A lock that a process waits for, and who has it. */
export interface LockWait {
  /** flock, POSIX (fcntl), OFD or lease. */
  readonly kind: string
  /** Of the lock that is wanted. */
  readonly mode: 'read' | 'write'
  /** As the kernel writes it, major:minor:inode. */
  readonly file: string
  /** Who took it; 0 or less when the kernel does not say, as for locks of open files (OFD). */
  readonly holder: number
}

const names: Readonly<Record<string, string>> = { FLOCK: 'flock', POSIX: 'POSIX', OFDLCK: 'OFD', LEASE: 'lease' }

/**
 * What a process waits for, by the text of /proc/locks. Below each lock that is held come those who wait for it, with an arrow and the
 * same number.
 */
export function findLockWaits(text: string, pid: number): readonly LockWait[] {
  const held = new Map<string, number>()
  const waits: LockWait[] = []
  for (const line of text.split('\n')) {
    const match = /^(\d+): *(->)? *([A-Z]+) +\S+ +(\w+) +(-?\d+) +(\S+) /.exec(line)
    const [, number = '', arrow, type = '', mode, owner, file = ''] = match ?? []
    if (match === null) continue
    if (arrow === undefined) held.set(number, Number(owner))
    else if (Number(owner) === pid) {
      const holder = held.get(number) ?? 0
      waits.push({ kind: names[type] ?? type, mode: mode === 'READ' ? 'read' : 'write', file, holder })
    }
  }
  return waits
}

/** Whether a descriptor holds a lock, by the text of /proc/PID/fdinfo/FD. */
export function holdsLock(info: string): boolean {
  return /^lock:/m.test(info)
}
