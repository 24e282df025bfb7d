import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, resolve } from 'node:path'
import { HangdogError } from '../errors.js'

/** What is to be started, for whom, from where. */
export interface CommandLookup {
  readonly service: string
  readonly command: string
  readonly directory?: string
  /** PATH of the service, not that of hangdog. */
  readonly searchPath: string | undefined
}

/** What the C library searches when there is no PATH. */
const defaultSearchPath = '/usr/local/bin:/bin:/usr/bin'

/**
 * Finds the file that a command means, so that a mistake is told apart before anything runs.
 * @throws HangdogError `config` for a bad directory, `unavailable` when nothing is found, `permission` when it cannot be executed
 */
export async function resolveCommand(lookup: CommandLookup): Promise<string> {
  const cannot = `cannot start service "${lookup.service}"`
  await checkDirectory(lookup, cannot)
  const from = lookup.directory ?? process.cwd()
  const named = lookup.command.includes('/')
  const folders = named ? [''] : (lookup.searchPath ?? defaultSearchPath).split(delimiter)
  let found: string | undefined
  for (const folder of folders) {
    const path = resolve(from, folder, lookup.command)
    const kind = await classify(path)
    if (kind === 'executable') return path
    if (kind === 'file') found ??= path
  }
  if (found !== undefined) {
    throw new HangdogError('permission', `${cannot}: command "${lookup.command}" is not executable (${found})`)
  }
  const where = named ? 'not found' : 'not found in PATH'
  throw new HangdogError('unavailable', `${cannot}: command "${lookup.command}" ${where}`)
}

async function checkDirectory(lookup: CommandLookup, cannot: string): Promise<void> {
  if (lookup.directory === undefined) return
  if (await isEnterable(lookup.directory)) return
  throw new HangdogError('config', `${cannot}: directory "${lookup.directory}" is not one that can be entered`)
}

async function isEnterable(directory: string): Promise<boolean> {
  try {
    await access(directory, constants.X_OK)
    return (await stat(directory)).isDirectory()
  } catch {
    return false
  }
}

async function classify(path: string): Promise<'executable' | 'file' | 'nothing'> {
  try {
    if (!(await stat(path)).isFile()) return 'file'
  } catch (error) {
    // A folder on the way that may not be searched hides the file, which execve reports as not permitted.
    return error instanceof Error && 'code' in error && error.code === 'EACCES' ? 'file' : 'nothing'
  }
  try {
    await access(path, constants.X_OK)
    return 'executable'
  } catch {
    return 'file'
  }
}
