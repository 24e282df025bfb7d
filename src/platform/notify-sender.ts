import { getSystemErrorName } from 'node:util'
import type { AddonNotify } from './addon.js'

/** Sends lines to a service manager. @returns why it could not; EAGAIN when it does not read */
export type NotifySender = (lines: readonly string[]) => string | undefined

/**
 * Makes one that sends from this process, as a service manager looks at who sends. One system call's time, and no waiting.
 * @param socket as in NOTIFY_SOCKET
 */
export function createNotifySender(socket: string, addon: AddonNotify): NotifySender {
  return (lines) => {
    const result = addon.notifySend(socket, lines.join('\n'))
    return result < 0 ? getSystemErrorName(result) : undefined
  }
}
