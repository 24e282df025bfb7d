import type { ProcessIdentity } from './process-identity.js'

/** What a lock says of its holder. */
export interface LockNote extends ProcessIdentity {
  /** Wall time of the start of the process, for people. */
  readonly born: Date
  /** Makes every note differ from every other. */
  readonly nonce: string
}

/**
 * Writes a note as one line, such as `pid=42,start=1234,boot=…,born=1767225600000,nonce=…`: short, readable in a listing of the
 * directory, and without characters that a file system may refuse in the target of a link.
 */
export function formatNote({ pid, startTime, bootId, born, nonce }: LockNote): string {
  return `pid=${pid},start=${startTime},boot=${bootId},born=${born.getTime()},nonce=${nonce}`
}

/** @returns undefined when it is not such a note */
export function parseNote(text: string): LockNote | undefined {
  const match = /^pid=(\d{1,10}),start=([^,]*),boot=([^,]*),born=(\d{1,15}),nonce=([0-9a-f]+)$/.exec(text)
  if (match === null) return undefined
  const [, pid = '', startTime = '', bootId = '', born = '', nonce = ''] = match
  return Number(pid) > 0 ? { pid: Number(pid), startTime, bootId, born: new Date(Number(born)), nonce } : undefined
}
