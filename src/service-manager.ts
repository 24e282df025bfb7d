import { type Milliseconds, milliseconds } from './time.js'

/** Who started hangdog and wants to hear from it, by the protocol of sd_notify. */
export type ServiceManager =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'found'
      /** A path, or @ and a name in the abstract namespace. */
      readonly socket: string
      /** hangdog is ended when it says nothing for this long; undefined when it is not. */
      readonly limit: Milliseconds | undefined
    }
  /** It does not make sense, so that nobody can be told anything. */
  | { readonly kind: 'wrong'; readonly reason: string }

/** Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. @param pid of hangdog; a limit that is meant for another process is not ours */
export function readServiceManager(environment: NodeJS.ProcessEnv, pid: number): ServiceManager {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: usec = '', WATCHDOG_PID: watched = '' } = environment
  if (socket === '') return { kind: 'none' }
  if (!/^[/@]./.test(socket)) return wrong('NOTIFY_SOCKET', 'an absolute path or @ and a name', socket)
  if (usec === '') return { kind: 'found', socket, limit: undefined }
  if (!/^[1-9]\d{0,15}$/.test(usec)) return wrong('WATCHDOG_USEC', 'microseconds, more than 0', usec)
  if (watched !== '' && !/^[1-9]\d{0,9}$/.test(watched)) return wrong('WATCHDOG_PID', 'a process id', watched)
  const isOurs = watched === '' || Number(watched) === pid
  return { kind: 'found', socket, limit: isOurs ? milliseconds(Number(usec) / 1000) : undefined }
}

function wrong(name: string, expected: string, found: string): ServiceManager {
  return { kind: 'wrong', reason: `expected ${name} to be ${expected}, not "${found}"` }
}
