import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Makes a FIFO unless there is one. @returns its path */
export function makeFifo(path: string): string {
  if (!existsSync(path)) execFileSync('mkfifo', [path])
  return path
}
