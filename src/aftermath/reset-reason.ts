import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { systemCode } from '../errors.js'

/**
 * What kernels say at boot of the last reset, in the words of the drivers that know it: AMD's since Linux 6.16
 * ("Previous system reset reason"), those of ARM boards ("reset reason", "reset cause", "reset source").
 */
const wording =
  /\b(?:previous system reset reason|(?:last )?(?:reset|reboot|boot) (?:reason|cause|source))\b.*?[:=\]]\s*\S/i

/** Such lines come early; a log can be long. */
const mostRecords = 3000

/** The kernel hands out one record a read, of this size at most. */
const recordBytes = 8192

/**
 * Looks into the log of this boot for what the kernel found out about the last reset.
 * @param path /dev/kmsg @returns null when it says nothing, or the machine has no such log @throws the system error
 */
export async function readResetReason(path: string): Promise<string | null> {
  let log: FileHandle
  try {
    log = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
  try {
    const buffer = Buffer.alloc(recordBytes)
    for (let count = 0; count < mostRecords; count++) {
      const text = await readRecord(log, buffer)
      if (text === undefined) return null
      const found = findResetReason(text)
      if (found !== undefined) return found
    }
    return null
  } finally {
    await log.close()
  }
}

/** Undefined at the end. A record that was overwritten meanwhile is empty. */
async function readRecord(log: FileHandle, buffer: Buffer): Promise<string | undefined> {
  try {
    const { bytesRead } = await log.read(buffer, 0, buffer.length, null)
    return bytesRead === 0 ? undefined : buffer.toString('utf8', 0, bytesRead)
  } catch (error) {
    if (systemCode(error) === 'EAGAIN') return undefined
    if (systemCode(error) === 'EPIPE') return ''
    throw error
  }
}

/**
 * @param record of /dev/kmsg: priority and facility, number, time and flags, then the text. What programs wrote there has another
 * facility than the kernel's, and is not believed.
 */
export function findResetReason(record: string): string | undefined {
  const match = /^(\d+),[^;]*;([^\n]*)/.exec(record)
  const isKernels = Number(match?.[1]) < 8
  const text = match?.[2] ?? ''
  return isKernels && wording.test(text) ? text : undefined
}
