import { type BigIntStats, existsSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { describeError, HangdogError, systemCode } from './errors.js'

/** Bytes of `sun_path` without its closing zero, on Linux. Node cuts a longer path off without a word. */
export const longestSocketPath = 107

/** Connections that may wait to be taken: a thousand services that start together are not refused. The system may allow fewer. */
const backlog = 4096

/** How long whoever serves a path may take to take a connection, in ms. */
const connectLimitMs = 2000

export interface EndpointOptions {
  /** What is to be served there, for errors: "the control socket". */
  readonly thing: string
  /** Finds out who serves the path already, such as "a live hangdog (pid 42)". Asked only then; should not take long. */
  readonly whoServes?: (path: string) => Promise<string>
}

/**
 * Listens on a Unix socket that only its owner can use (mode 0600), or on a named pipe (a path beginning with `\\.\pipe\`). A socket
 * that a dead process left behind is taken over; anything else that is there stays as it is.
 * @throws HangdogError `create` when the path is too long, taken, or cannot be made; `permission` when it may not be
 */
export async function listenAt(server: Server, path: string, options: EndpointOptions): Promise<void> {
  checkLength(path, options)
  for (let tries = 0; tries < 2; tries += 1) {
    const error = await tryListen(server, path)
    if (error === undefined) return
    if (systemCode(error) === 'EADDRINUSE') await clearStale(path, options)
    // The system's "permission denied" stands for a missing directory as well.
    else if (!isPipe(path) && !existsSync(dirname(path))) throw refusal(path, options, 'its directory does not exist')
    else throw refusal(path, options, describeError(error), error)
  }
  throw refusal(path, options, 'another process took it at the same time')
}

/** Whether the path names a Windows pipe, which has no file, no mode and no limit of length that matters. */
export function isPipe(path: string): boolean {
  return path.startsWith('\\\\.\\pipe\\') || path.startsWith('\\\\?\\pipe\\')
}

function checkLength(path: string, options: EndpointOptions): void {
  const length = Buffer.byteLength(path)
  if (isPipe(path) || length <= longestSocketPath) return
  throw refusal(
    path,
    options,
    `expected a path of at most ${longestSocketPath} bytes, got ${length}; choose a shorter --state-dir or --name`,
  )
}

function tryListen(server: Server, path: string): Promise<unknown> {
  return new Promise((resolve) => {
    const failed = (error: unknown): void => {
      server.off('listening', succeeded)
      resolve(error)
    }
    const succeeded = (): void => {
      server.off('error', failed)
      resolve(undefined)
    }
    server.once('error', failed)
    server.once('listening', succeeded)
    // The socket's file is made inside this call and gets its mode from the mask, so it never has any other.
    const mask = process.umask(0o177)
    try {
      server.listen({ path, backlog })
    } finally {
      process.umask(mask)
    }
  })
}

/**
 * Removes a socket nobody listens on. Of two that start at the same time, one may have replaced it by a live one while the other
 * asked; so it is removed only if it is still the same file, looked at in the same turn.
 * @throws HangdogError `create` when it is not a socket, or somebody listens
 */
async function clearStale(path: string, options: EndpointOptions): Promise<void> {
  const found = look(path)
  if (found?.isSocket() === false) throw refusal(path, options, 'there is something else than a socket')
  if (await isServed(path)) {
    const who = (await options.whoServes?.(path)) ?? 'a live process'
    throw refusal(path, options, `already served by ${who}`)
  }
  const now = look(path)
  if (found === undefined || now?.ino !== found.ino || now.ctimeNs !== found.ctimeNs) return
  try {
    unlinkSync(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw refusal(path, options, describeError(error), error)
  }
}

/** Undefined for what has gone by now, and for pipes, which are no files. */
function look(path: string): BigIntStats | undefined {
  return isPipe(path) ? undefined : lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

/** A connection that is neither taken nor refused (a full queue, no permission) shows that somebody is there. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const settle = (served: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(served)
    }
    const timer = setTimeout(() => settle(true), connectLimitMs)
    socket.once('connect', () => settle(true))
    socket.on('error', (error) => settle(!['ECONNREFUSED', 'ENOENT'].includes(systemCode(error) ?? '')))
  })
}

function refusal(path: string, { thing }: EndpointOptions, cause: string, error?: unknown): HangdogError {
  const denied = ['EACCES', 'EPERM'].includes(systemCode(error) ?? '')
  return new HangdogError(denied ? 'permission' : 'create', `cannot open ${thing} "${path}": ${cause}`, error)
}
