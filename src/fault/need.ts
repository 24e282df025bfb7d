import { constants } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { findMemoryGroups } from './memory-group.js'

/** Programs, and what a machine must offer besides; `disk` is for the temporary directory. */
export const needs = [
  'gcc',
  'java',
  'javac',
  'go',
  'python3',
  'mkfifo',
  'tail',
  'root',
  '/dev/fuse',
  'memory cgroup',
  'disk',
] as const
export type Need = (typeof needs)[number]

/** Which of them this machine does not have, each with what is wrong. Empty when all are there. */
export async function findMissing(wanted: readonly Need[]): Promise<readonly string[]> {
  const lacks = await Promise.all(wanted.map(findLack))
  return lacks.filter((lack) => lack !== undefined)
}

async function findLack(need: Need): Promise<string | undefined> {
  switch (need) {
    case 'root':
      return process.getuid?.() === 0 ? undefined : 'it must be run by root'
    case '/dev/fuse':
      return (await isOpenTo('/dev/fuse', constants.R_OK | constants.W_OK)) ? undefined : '/dev/fuse cannot be opened'
    case 'memory cgroup':
      return (await findMemoryGroups()) === undefined ? 'no control group for memory can be made here' : undefined
    case 'disk':
      return await findDiskLack()
    default:
      return (await findInPath(need)) === undefined ? `${need} is not in PATH` : undefined
  }
}

/** Statfs has this number for tmpfs. */
const tmpfs = 0x0102_1994

async function findDiskLack(): Promise<string | undefined> {
  const { type } = await statfs(tmpdir())
  return type === tmpfs ? `the temporary directory ${tmpdir()} is in memory (tmpfs), and must be on a disk` : undefined
}

/** The file that a name means to a shell. */
export async function findInPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter((part) => part !== '')) {
    const path = join(folder, name)
    if (await isOpenTo(path, constants.X_OK)) return path
  }
  return undefined
}

async function isOpenTo(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode)
    return true
  } catch {
    return false
  }
}
